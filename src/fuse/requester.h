#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>

namespace fuse {

/// Whether a thread is on its way out: a signal that ends its process is pending, and nothing keeps
/// it from doing so. The kernel lets it act only once the thread's call has ended.
///
/// `status` is the text of /proc/TID/status. Where it does not say, as a truncated one, the answer
/// is true: what nobody can tell is taken for the worst.
/// Source: proc(5), signal(7); complete_signal() in kernel/signal.c, which makes a SIGKILL for each
/// thread out of a fatal signal that dumps no core.
bool dying(std::string_view status);

/// The threads that make the kernel's requests. Threads: any.
class Requesters {
 public:
  Requesters() = default;
  Requesters(const Requesters&) = delete;
  Requesters& operator=(const Requesters&) = delete;
  virtual ~Requesters() = default;

  /// Whether the thread is on its way out or gone; true as well if that cannot be known, as of 0,
  /// which is how the kernel calls a thread that the PID namespace of the mount does not show.
  [[nodiscard]] virtual bool dying(pid_t tid) = 0;
};

/// The real thing.
class ProcRequesters final : public Requesters {
 public:
  /// `proc` is where procfs is mounted; tests have one of plain files.
  explicit ProcRequesters(std::string proc = "/proc") : proc_(std::move(proc)) {}
  [[nodiscard]] bool dying(pid_t tid) override;

 private:
  const std::string proc_;
};

}  // namespace fuse
