#pragma once
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"
#include "fs/types.h"
#include "fuse/in_flight.h"
#include "fuse/metrics.h"

struct fuse_in_header;
struct fuse_req;

namespace fuse {

/// The duty to answer one request of the kernel, exactly once.
///
/// An answer may release the kernel's last reference to an inode, so it is the last thing that a
/// handler does, and no lock is held. A reply that ends unanswered answers EIO and logs an error.
/// Every answering call returns false if the kernel did not take it (the connection has ended):
/// lookup counts and handles given with it then do not exist.
/// Threads: one at a time.
class Reply {
 public:
  /// `message` is what brought the request; `operation` and `inode` are for the log.
  Reply(fuse_req* request, const fuse_in_header& message, const char* operation,
        fs::InodeNumber inode, InFlight& in_flight, Counters& counters);
  Reply(Reply&& other) noexcept;
  Reply& operator=(Reply&&) = delete;
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply();

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const char* operation() const { return operation_; }
  /// Stops when nobody will take the answer.
  [[nodiscard]] const std::stop_token& stop() const { return stop_; }

  bool error(const core::Error& error);
  bool error(int errnum);
  bool done() { return error(0); }
  bool done(const core::Status& status) { return status ? done() : error(status.error()); }
  bool entry(const fs::Entry& entry);
  bool created(const fs::Entry& entry, const fs::Opened& opened);
  bool attributes(const fs::Entry& entry);
  bool opened(const fs::Opened& opened);
  bool link_target(const std::string& target);
  bool bytes(std::string_view bytes);
  bool slices(std::span<const core::Bytes> slices);
  bool written(std::size_t size);
  bool attribute_size(std::size_t size);
  bool space(const fs::SpaceInfo& space);
  bool offset(std::uint64_t offset);

 private:
  template <class Send>
  bool send(int errnum, Send send);

  fuse_req* request_;
  const char* operation_;
  fs::InodeNumber inode_;
  std::uint64_t id_;
  InFlight* in_flight_;
  Counters* counters_;
  std::stop_token stop_;
};

}  // namespace fuse
