#include "emulator/account/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/os_error.h"
#include "core/random.h"
#include "core/text.h"
#include "core/unique_fd.h"
#include "emulator/account/text_file.h"

namespace emulator {
namespace {

using core::ErrorKind;
using core::fail;
using core::os_error;
using core::Result;
using core::Status;
using nlohmann::json;

// A dot keeps the name apart from every bucket's.
std::string path_in(const std::string& data_dir) { return data_dir + "/authority.json"; }

std::string upper(std::string text) {
  for (char& c : text) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return text;
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return os_error(errno, "write " + path);
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

AuthorityState new_authority_state() {
  AuthorityState state;
  state.access_key_id = "LTAI5t" + upper(core::random_hex(9));
  state.access_key_secret = core::Secret(core::random_hex(15));
  state.server_key = core::Secret(core::random_hex(32));
  return state;
}

Result<AuthorityState> load_or_create_state(const std::string& data_dir) {
  std::error_code code;
  std::filesystem::create_directories(data_dir, code);
  if (code) {
    return os_error(code.value(), "create " + data_dir);
  }
  const std::string path = path_in(data_dir);
  const auto text = read_text_file(path);
  if (!text && text.error().kind == ErrorKind::NotFound) {
    AuthorityState state = new_authority_state();
    TRY(save_state(data_dir, state));
    return state;
  }
  if (!text) {
    return text.error();
  }
  const json root = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto is_text = [&root](const char* name) {
    return root.is_object() && root.contains(name) && root[name].is_string();
  };
  if (!is_text("access_key_id") || !is_text("access_key_secret") || !is_text("server_key") ||
      !root.contains("generation") || !root["generation"].is_number_unsigned()) {
    return fail(ErrorKind::Corrupt, path + " is not an authority's state");
  }
  AuthorityState state;
  state.access_key_id = root["access_key_id"].get<std::string>();
  state.access_key_secret = core::Secret(root["access_key_secret"].get<std::string>());
  state.server_key = core::Secret(root["server_key"].get<std::string>());
  state.generation = root["generation"].get<std::uint64_t>();
  return state;
}

Status save_state(const std::string& data_dir, const AuthorityState& state) {
  const json root = {{"access_key_id", state.access_key_id},
                     {"access_key_secret", state.access_key_secret.reveal()},
                     {"server_key", state.server_key.reveal()},
                     {"generation", state.generation}};
  const std::string path = path_in(data_dir);
  const std::string draft = path + ".new";
  const core::UniqueFd fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return os_error(errno, "create " + draft);
  }
  TRY(write_all(fd.get(), root.dump(2) + "\n", draft));
  if (::fsync(fd.get()) != 0) {
    return os_error(errno, "fsync " + draft);
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) {
    return os_error(errno, "rename to " + path);
  }
  return {};
}

}  // namespace emulator
