#include "fuse/reply.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/log.h"
#include "fuse/convert.h"
#include "fuse/errno.h"

namespace fuse {
namespace {

/// writev takes 1024 pieces (IOV_MAX); one is libfuse's header.
constexpr std::size_t kMostPieces = 1000;

const char* name_of(int errnum) { return errnum == 0 ? "ok" : ::strerrorname_np(errnum); }

fuse_file_info to_file_info(const fs::Opened& opened) {
  fuse_file_info out{};
  out.fh = opened.handle.id;
  out.keep_cache = opened.keep_cache ? 1 : 0;
  out.noflush = opened.no_flush ? 1 : 0;
  out.direct_io = opened.direct_io ? 1 : 0;
  return out;
}

}  // namespace

Reply::Reply(fuse_req* request, const fuse_in_header& message, const char* operation,
             fs::InodeNumber inode, InFlight& in_flight, Counters& counters)
    : request_(request),
      operation_(operation),
      inode_(inode),
      id_(message.unique),
      in_flight_(&in_flight),
      counters_(&counters),
      stop_(in_flight.enter(id_, static_cast<pid_t>(message.pid))) {}

Reply::Reply(Reply&& other) noexcept
    : request_(std::exchange(other.request_, nullptr)),
      operation_(other.operation_),
      inode_(other.inode_),
      id_(other.id_),
      in_flight_(other.in_flight_),
      counters_(other.counters_),
      stop_(std::move(other.stop_)) {}

Reply::~Reply() {
  if (request_ != nullptr) {
    core::log(core::LogLevel::Error, "a request was left unanswered; answering EIO",
              {{"op", operation_}, {"inode", inode_}, {"id", id_}});
    counters_->forgotten_replies.add();
    error(EIO);
  }
}

template <class Send>
bool Reply::send(int errnum, Send send) {
  fuse_req* const request = std::exchange(request_, nullptr);
  CORE_CHECK(request != nullptr);
  if (core::log_enabled(core::LogLevel::Debug)) {
    core::log(core::LogLevel::Debug, "answer",
              {{"op", operation_}, {"inode", inode_}, {"id", id_}, {"result", name_of(errnum)}});
  }
  const bool taken = send(request) == 0;
  in_flight_->leave(id_);
  return taken;
}

bool Reply::error(const core::Error& error) {
  const int errnum = to_errno(error);
  const bool trouble = is_trouble(error.kind);
  const auto level = trouble ? core::LogLevel::Warn : core::LogLevel::Debug;
  if (trouble) {
    counters_->failures.add();
  }
  if (core::log_enabled(level)) {
    core::log(level, "request failed",
              {{"op", operation_},
               {"inode", inode_},
               {"id", id_},
               {"errno", name_of(errnum)},
               {"error", core::describe(error)}});
  }
  return this->error(errnum);
}

bool Reply::error(int errnum) {
  return send(errnum, [errnum](fuse_req* request) { return fuse_reply_err(request, errnum); });
}

bool Reply::entry(const fs::Entry& entry) {
  const fuse_entry_param param = to_entry(entry.attributes, entry.lifetime);
  return send(0, [&](fuse_req* request) { return fuse_reply_entry(request, &param); });
}

bool Reply::created(const fs::Entry& entry, const fs::Opened& opened) {
  const fuse_entry_param param = to_entry(entry.attributes, entry.lifetime);
  const fuse_file_info info = to_file_info(opened);
  return send(0, [&](fuse_req* request) { return fuse_reply_create(request, &param, &info); });
}

bool Reply::attributes(const fs::Entry& entry) {
  const struct stat attributes = to_stat(entry.attributes);
  const double lifetime = to_seconds(entry.lifetime);
  return send(0,
              [&](fuse_req* request) { return fuse_reply_attr(request, &attributes, lifetime); });
}

bool Reply::opened(const fs::Opened& opened) {
  const fuse_file_info info = to_file_info(opened);
  return send(0, [&](fuse_req* request) { return fuse_reply_open(request, &info); });
}

bool Reply::link_target(const std::string& target) {
  return send(0, [&](fuse_req* request) { return fuse_reply_readlink(request, target.c_str()); });
}

bool Reply::bytes(std::string_view bytes) {
  return send(
      0, [&](fuse_req* request) { return fuse_reply_buf(request, bytes.data(), bytes.size()); });
}

bool Reply::slices(std::span<const core::Bytes> slices) {
  if (slices.size() > kMostPieces) {
    std::string joined;
    for (const core::Bytes& slice : slices) {
      joined += core::as_text(slice.view());
    }
    return bytes(joined);
  }
  std::vector<iovec> pieces;
  pieces.reserve(slices.size());
  for (const core::Bytes& slice : slices) {
    // writev only reads; iovec has no const form.
    pieces.push_back({const_cast<std::byte*>(slice.view().data()),  // NOLINT(*-const-cast)
                      slice.size()});
  }
  return send(0, [&](fuse_req* request) {
    return fuse_reply_iov(request, pieces.data(), static_cast<int>(pieces.size()));
  });
}

bool Reply::written(std::size_t size) {
  return send(0, [size](fuse_req* request) { return fuse_reply_write(request, size); });
}

bool Reply::attribute_size(std::size_t size) {
  return send(0, [size](fuse_req* request) { return fuse_reply_xattr(request, size); });
}

bool Reply::space(const fs::SpaceInfo& space) {
  const struct statvfs info = to_statvfs(space);
  return send(0, [&](fuse_req* request) { return fuse_reply_statfs(request, &info); });
}

bool Reply::offset(std::uint64_t offset) {
  return send(0, [offset](fuse_req* request) {
    return fuse_reply_lseek(request, static_cast<off_t>(offset));
  });
}

}  // namespace fuse
