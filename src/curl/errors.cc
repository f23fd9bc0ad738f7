#include "curl/errors.h"

namespace curl {

core::ErrorKind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return core::ErrorKind::Timeout;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PROXY:
      return core::ErrorKind::Unavailable;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return core::ErrorKind::NotPermitted;
    case CURLE_URL_MALFORMAT:
      return core::ErrorKind::InvalidArgument;
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return core::ErrorKind::Internal;
    case CURLE_OUT_OF_MEMORY:  // what libcurl says of a header line beyond its limit
    default:                   // the list is open, and most of it is about other protocols
      return core::ErrorKind::Protocol;
  }
}

std::optional<core::Reason> reason_of(CURLcode code, long verified) {
  // Source: OpenSSL, x509_vfy.h. libcurl compares names itself, when all else is good.
  constexpr long kGood = 0;
  constexpr long kUnspecified = 1;  // where libcurl begins
  constexpr long kNotYetValid = 9;
  constexpr long kExpired = 10;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return core::Reason::NameUnknown;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
      return core::Reason::Unreachable;
    case CURLE_OPERATION_TIMEDOUT:
      return core::Reason::Silent;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
      return core::Reason::Broken;
    case CURLE_SSL_CONNECT_ERROR:
      return core::Reason::NoTls;
    case CURLE_PEER_FAILED_VERIFICATION:
      if (verified == kExpired || verified == kNotYetValid) {
        return core::Reason::CertificateExpired;
      }
      return verified == kGood || verified == kUnspecified ? core::Reason::CertificateName
                                                           : core::Reason::CertificateUnknown;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return core::Reason::CertificateUnknown;
    default:
      return std::nullopt;
  }
}

}  // namespace curl
