#include "app/doctor_findings.h"

#include <algorithm>
#include <array>

namespace app {
namespace {

constexpr auto kFindings = std::to_array<FindingFacts>({
    {Finding::NameUnknown, "name-unknown", "endpoint", Verdict::Failed, Exit::Network,
     "check --endpoint, or --region, for a slip, and this host's name resolution"},
    {Finding::Unreachable, "unreachable", "endpoint", Verdict::Failed, Exit::Network,
     "nothing answers there: check the port of --endpoint, the firewall and --proxy"},
    {Finding::InternalUnreachable, "internal-unreachable", "endpoint", Verdict::Failed,
     Exit::Network,
     "an -internal endpoint answers within its own region's network only: from here leave "
     "--internal out"},
    {Finding::NotTheService, "not-the-service", "endpoint", Verdict::Failed, Exit::Network,
     "what answers there is another program: check the port of --endpoint, and http:// against "
     "https://"},
    {Finding::ForeignAnswer, "foreign-answer", "endpoint", Verdict::Warning, Exit::Ok,
     "the answer has no request id of OSS: is that a proxy or a portal?"},
    {Finding::InternalEndpoint, "internal-endpoint", "endpoint", Verdict::Ok, Exit::Ok,
     "from within the same region --internal is faster, and its traffic is free"},
    {Finding::PlainHttp, "plain-http", "tls", Verdict::Warning, Exit::Ok,
     "whoever sees the traffic can use the token: write https://"},
    {Finding::CertificateExpired, "certificate-expired", "tls", Verdict::Failed, Exit::Network,
     "the certificate is not valid at this time: if this host's clock is right, it must be "
     "renewed"},
    {Finding::CertificateName, "certificate-name", "tls", Verdict::Failed, Exit::Network,
     "the certificate is another host's: check --endpoint, and whether a proxy answers in its "
     "place"},
    {Finding::CertificateAuthority, "certificate-authority", "tls", Verdict::Failed, Exit::Network,
     "nobody whom this host trusts has signed it: --ca-file names an authority of your own"},
    {Finding::RegionUnknown, "region-unknown", "region", Verdict::Warning, Exit::Ok,
     "requests are signed with version 1; --region lets them be signed with version 4"},
    {Finding::RegionWrong, "region-wrong", "region", Verdict::Failed, Exit::Network,
     "the bucket is elsewhere: take --region and --endpoint of the place that the service names"},
    {Finding::ClockOff, "clock-off", "clock", Verdict::Warning, Exit::Ok,
     "set the clock (NTP): from 15 minutes on requests are refused"},
    {Finding::ClockFarOff, "clock-far-off", "clock", Verdict::Warning, Exit::Ok,
     "stsfs corrects that for itself, but other programs' requests are refused: set the clock "
     "(NTP)"},
    {Finding::NoCredentials, "no-credentials", "credentials", Verdict::Failed, Exit::Credentials,
     "`stsfs whoami` with the same options shows where they are looked for"},
    {Finding::KeyRefused, "key-refused", "credentials", Verdict::Failed, Exit::Credentials,
     "the service does not know this key, or it is disabled: `stsfs whoami` shows where it comes "
     "from"},
    {Finding::SecretWrong, "secret-wrong", "credentials", Verdict::Failed, Exit::Credentials,
     "the secret is not that of this key id"},
    {Finding::TokenExpired, "token-expired", "credentials", Verdict::Failed, Exit::Credentials,
     "the session has ended or was revoked: fetch another, or name a source that renews it "
     "(--role-arn, a profile)"},
    {Finding::RoleMissing, "role-missing", "credentials", Verdict::Failed, Exit::Credentials,
     "there is no such role: check --role-arn, its account and the case of its name"},
    {Finding::RoleRefused, "role-refused", "credentials", Verdict::Failed, Exit::Permission,
     "`stsfs policy --user` and `--trust` print what the caller and the role must allow"},
    {Finding::StsUnreachable, "sts-unreachable", "credentials", Verdict::Failed, Exit::Network,
     "whoever hands the credentials out does not answer: check --sts-endpoint, the firewall and "
     "--proxy"},
    {Finding::KeyNeverExpires, "key-never-expires", "credentials", Verdict::Ok, Exit::Ok,
     "this key is good until somebody disables it: --role-arn gives sessions that end"},
    {Finding::BucketMissing, "bucket-missing", "bucket", Verdict::Failed, Exit::Bucket,
     "check the bucket's name, and that it is in this region"},
    {Finding::ServiceTrouble, "service-trouble", "bucket", Verdict::Failed, Exit::Network,
     "the service is there and does not do its work: try again, and show it the request id"},
    {Finding::Versioned, "versioned", "bucket", Verdict::Ok, Exit::Ok,
     "what is overwritten or deleted stays and costs until a lifecycle rule ends it, the doctor's "
     "own object too"},
    {Finding::ListDenied, "list-denied", "list", Verdict::Warning, Exit::Ok,
     "without oss:ListObjects directories show nothing and files open by name only "
     "(--assume-dirs)"},
    {Finding::ReadDenied, "read-denied", "read", Verdict::Failed, Exit::Permission,
     "without oss:GetObject no file can be read; `stsfs policy` prints what to allow"},
    {Finding::ReadHidden, "read-hidden", "read", Verdict::Warning, Exit::Ok,
     "who may not list is told of no missing object: read one that exists to be sure of "
     "oss:GetObject"},
    {Finding::VersionDenied, "version-denied", "read version", Verdict::Warning, Exit::Ok,
     "without oss:GetObjectVersion reading and copying in this versioned bucket takes one refused "
     "request more"},
    {Finding::WriteDenied, "write-denied", "write", Verdict::Failed, Exit::Permission,
     "without oss:PutObject nothing can be written: mount with --read-only, or see `stsfs policy`"},
    {Finding::AbortDenied, "abort-denied", "abort", Verdict::Warning, Exit::Ok,
     "without oss:AbortMultipartUpload failed uploads stay and cost until a lifecycle rule ends "
     "them"},
    {Finding::CopyDenied, "copy-denied", "copy", Verdict::Warning, Exit::Ok,
     "files cannot be renamed or change their attributes; `stsfs policy` prints what to allow"},
    {Finding::DeleteDenied, "delete-denied", "delete", Verdict::Warning, Exit::Ok,
     "without oss:DeleteObject files cannot be removed or renamed"},
    {Finding::ReadOnly, "read-only", "write", Verdict::Skipped, Exit::Ok,
     "what only a writing mount needs is not tried with --read-only"},
    {Finding::GuardsUntried, "guards-untried", "guarded write", Verdict::Skipped, Exit::Ok,
     "that takes an object, which could not be removed again"},
    {Finding::WriteUnguarded, "write-unguarded", "guarded write", Verdict::Warning, Exit::Ok,
     "two hosts that create the same name may overwrite each other (so in versioned buckets)"},
    {Finding::CompleteUnguarded, "complete-unguarded", "guarded complete", Verdict::Warning,
     Exit::Ok,
     "two hosts that create the same big file may overwrite each other (so in versioned buckets)"},
    {Finding::CopyUnguarded, "copy-unguarded", "guarded copy", Verdict::Warning, Exit::Ok,
     "a rename may move what somebody else just wrote"},
    {Finding::LooksFirst, "looks-first", "guarded write", Verdict::Ok, Exit::Ok,
     "services of S3 differ in which conditions they keep, so a look just before decides as well"},
    {Finding::LeftBehind, "left-behind", "left behind", Verdict::Warning, Exit::Ok,
     "it could not be removed: delete it with other credentials"},
});

constexpr bool in_order() {
  for (std::size_t i = 0; i < kFindings.size(); ++i) {
    if (static_cast<std::size_t>(kFindings[i].finding) != i) {
      return false;
    }
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::span<const FindingFacts> all_findings() { return kFindings; }

const FindingFacts& facts_of(Finding finding) {
  return kFindings[static_cast<std::size_t>(finding)];
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Ok:
      return "ok";
    case Verdict::Warning:
      return "warning";
    case Verdict::Failed:
      return "failed";
    case Verdict::Skipped:
      return "skipped";
  }
  return "";
}

}  // namespace app
