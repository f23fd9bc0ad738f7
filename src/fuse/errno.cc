#include "fuse/errno.h"

#include <cerrno>

namespace fuse {

// No default in the switches: a new kind stops the build until someone decides.
int to_errno(core::ErrorKind kind) {
  using core::ErrorKind;
  switch (kind) {
    case ErrorKind::NotFound:
      return ENOENT;
    case ErrorKind::NoBucket:
      return EIO;
    case ErrorKind::Exists:
      return EEXIST;
    case ErrorKind::NotDirectory:
      return ENOTDIR;
    case ErrorKind::IsDirectory:
      return EISDIR;
    case ErrorKind::NotEmpty:
      return ENOTEMPTY;
    case ErrorKind::Denied:
    case ErrorKind::TokenRefused:
      return EACCES;
    case ErrorKind::NotPermitted:
      return EPERM;
    case ErrorKind::Unauthenticated:
      return EKEYEXPIRED;
    case ErrorKind::Changed:
      return ESTALE;
    case ErrorKind::Throttled:
    case ErrorKind::Busy:
      return EBUSY;
    case ErrorKind::Timeout:
      return ETIMEDOUT;
    case ErrorKind::Cancelled:
      return EINTR;
    case ErrorKind::InvalidArgument:
      return EINVAL;
    case ErrorKind::NameTooLong:
      return ENAMETOOLONG;
    case ErrorKind::TooLarge:
      return EFBIG;
    case ErrorKind::OutOfRange:
      return ERANGE;
    case ErrorKind::NoSpace:
      return ENOSPC;
    case ErrorKind::ReadOnly:
      return EROFS;
    case ErrorKind::NoData:
      return ENODATA;
    case ErrorKind::Unsupported:
      return EOPNOTSUPP;
    case ErrorKind::TooManyLinks:
      return ELOOP;
    case ErrorKind::CrossDevice:
      return EXDEV;
    case ErrorKind::Unavailable:
    case ErrorKind::Corrupt:
    case ErrorKind::ClockSkewed:
    case ErrorKind::NoUpload:
    case ErrorKind::Protocol:
    case ErrorKind::Io:
    case ErrorKind::Internal:
      return EIO;
  }
  return EIO;  // a value outside the set
}

bool is_trouble(core::ErrorKind kind) {
  using core::ErrorKind;
  switch (kind) {
    case ErrorKind::NotFound:
    case ErrorKind::Exists:
    case ErrorKind::NotDirectory:
    case ErrorKind::IsDirectory:
    case ErrorKind::NotEmpty:
    case ErrorKind::Denied:
    case ErrorKind::NotPermitted:
    case ErrorKind::Cancelled:
    case ErrorKind::InvalidArgument:
    case ErrorKind::NameTooLong:
    case ErrorKind::TooLarge:
    case ErrorKind::OutOfRange:
    case ErrorKind::ReadOnly:
    case ErrorKind::NoData:
    case ErrorKind::Unsupported:
    case ErrorKind::Busy:
    case ErrorKind::TooManyLinks:
    case ErrorKind::CrossDevice:
      return false;
    case ErrorKind::NoBucket:
    case ErrorKind::Unauthenticated:
    case ErrorKind::TokenRefused:
    case ErrorKind::Changed:
    case ErrorKind::Throttled:
    case ErrorKind::Unavailable:
    case ErrorKind::Timeout:
    case ErrorKind::NoSpace:
    case ErrorKind::Corrupt:
    case ErrorKind::ClockSkewed:
    case ErrorKind::NoUpload:
    case ErrorKind::Protocol:
    case ErrorKind::Io:
    case ErrorKind::Internal:
      return true;
  }
  return true;
}

}  // namespace fuse
