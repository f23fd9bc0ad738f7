#include "cred/process_source.h"

#include <utility>

#include "core/format.h"
#include "core/log.h"
#include "core/text.h"
#include "cred/answers.h"
#include "cred/failure.h"
#include "cred/local_lease.h"

namespace cred {

core::Result<ProcessSpec> parse_command(std::string_view text) {
  ProcessSpec process;
  std::string word;
  for (const char c : std::string(text) + ' ') {
    if (c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      process.arguments.push_back(std::exchange(word, {}));
    }
  }
  if (process.arguments.empty() || !process.arguments[0].starts_with('/')) {
    return core::fail(
        core::ErrorKind::InvalidArgument,
        core::format("the program that prints credentials is named by its absolute "
                     "path, not \"{}\"",
                     process.arguments.empty() ? std::string()
                                               : core::escape_for_log(process.arguments[0])));
  }
  return process;
}

ProcessSource::ProcessSource(ProcessSpec process, std::vector<std::string> environment,
                             core::ChildRunner& runner, ServiceClock& clock)
    : order_{std::move(process.arguments), std::move(environment)},
      runner_(runner),
      clock_(clock) {}

std::string ProcessSource::describe() const { return "process " + order_.arguments[0]; }

Fetched ProcessSource::fetch(const core::OpContext& context) {
  std::vector<std::string> complaints;
  auto end = runner_.run(context, order_, complaints);
  sign::Credentials printed;
  const auto log_complaints = [&] {
    for (const std::string& line : complaints) {
      core::log(core::LogLevel::Warn, "credentials.process",
                {{"program", order_.arguments[0]},
                 {"says", presentable(line, {&printed.access_key_secret, &printed.token})}});
    }
  };
  if (!end) {
    log_complaints();
    core::Error error = std::move(end).error().within(describe());
    switch (error.kind) {
      case core::ErrorKind::Timeout:
        error.kind = core::ErrorKind::Unauthenticated;  // no network is to blame
        return transient(std::move(error));
      case core::ErrorKind::Cancelled:
        return transient(std::move(error));
      default:
        return unusable(std::move(error));
    }
  }
  if (end->exit_code != 0) {
    log_complaints();
    std::string why = core::format("{} ended with exit code {}", describe(), end->exit_code);
    if (!complaints.empty()) {
      why += ": " + presentable(complaints.back(), {});
    }
    return permanent(core::fail(core::ErrorKind::Unauthenticated, std::move(why)));
  }
  std::string text(end->output.reveal());
  auto given = parse_credentials_json(text, Completeness::KeyPair, describe());
  if (!given) {
    log_complaints();
    return unusable(std::move(given).error());
  }
  printed = given->credentials;
  log_complaints();
  auto lease = local_lease(*std::move(given), clock_);
  if (!lease) {
    return unusable(std::move(lease).error().within(describe()));
  }
  return *std::move(lease);
}

}  // namespace cred
