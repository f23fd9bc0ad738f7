#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/ssl.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <list>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/format.h"
#include "core/log.h"
#include "core/os_error.h"
#include "core/random.h"
#include "core/thread_pool.h"
#include "core/unique_fd.h"
#include "emulator/emulator.h"
#include "emulator/session.h"

namespace emulator {
namespace {

constexpr unsigned kMostThreads = 64;
constexpr std::size_t kDiskThreads = 4;

/// A broken connection is an error value here, never a signal (sendfile has no flag for that).
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

/// One thread with its connections.
class Worker {
 public:
  Worker() : context_(1) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { stop(); }

  asio::io_context& context() { return context_; }

  void start(unsigned number) {
    asio::co_spawn(context_, sweep(), asio::detached);
    thread_ = std::thread([this, number] {
      core::name_this_thread(core::format("emulator-{}", number));
      block_sigpipe();
      context_.run();
    });
  }
  void stop() {
    context_.stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  /// Serves the connection until it ends. Any thread.
  void serve(tcp::socket socket, asio::ssl::context* tls, Port port, const Shared& shared,
             asio::thread_pool& disk) {
    asio::co_spawn(context_, session(std::move(socket), tls, port, shared, disk), asio::detached);
  }

 private:
  awaitable<void> session(tcp::socket socket, asio::ssl::context* tls, Port port, Shared shared,
                          asio::thread_pool& disk) {
    const auto at =
        sessions_.emplace(sessions_.end(), std::move(socket), tls, port, shared, disk, tick_);
    try {
      co_await at->run();
    } catch (const std::exception& error) {
      core::log(core::LogLevel::Error, "emulator: a connection failed", {{"error", error.what()}});
    }
    sessions_.erase(at);
  }

  awaitable<void> sweep() {
    asio::steady_timer timer(context_);
    for (;;) {
      timer.expires_after(std::chrono::seconds(1));
      co_await timer.async_wait(asio::use_awaitable);
      ++tick_;
      for (Session& one : sessions_) {
        one.check_idle();
      }
    }
  }

  asio::io_context context_;
  std::list<Session> sessions_;  // their sockets end before the context, their coroutines with it
  std::uint64_t tick_ = 0;
  std::thread thread_;
};

core::Result<tcp::endpoint> parse_listen(const std::string& text) {
  const auto colon = text.rfind(':');
  const auto wrong = [&] {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("not an address to listen at: {} (like 127.0.0.1:0)", text));
  };
  if (colon == std::string::npos) {
    return wrong();
  }
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  boost::system::error_code failed;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, failed);
  unsigned port = 65536;
  try {
    std::size_t used = 0;
    port = static_cast<unsigned>(std::stoul(text.substr(colon + 1), &used));
    if (used != text.size() - colon - 1) {
      return wrong();
    }
  } catch (const std::exception&) {
    return wrong();
  }
  if (failed || port > 65535) {
    return wrong();
  }
  return tcp::endpoint(address, static_cast<std::uint16_t>(port));
}

core::Result<std::unique_ptr<tcp::acceptor>> listen_at(asio::io_context& context,
                                                       const std::string& text) {
  TRY_ASSIGN(const tcp::endpoint endpoint, parse_listen(text));
  auto acceptor = std::make_unique<tcp::acceptor>(context);
  boost::system::error_code failed;
  acceptor->open(endpoint.protocol(), failed);
  if (!failed) {
    acceptor->set_option(tcp::acceptor::reuse_address(true), failed);
  }
  if (!failed) {
    acceptor->bind(endpoint, failed);
  }
  if (!failed) {
    acceptor->listen(1024, failed);
  }
  if (failed) {
    return core::os_error(failed.value(), "listen at " + text);
  }
  return acceptor;
}

std::string endpoint_of(const tcp::acceptor& acceptor, bool tls) {
  const tcp::endpoint local = acceptor.local_endpoint();
  const bool v6 = local.address().is_v6();
  std::string host =
      local.address().is_unspecified() ? (v6 ? "::1" : "127.0.0.1") : local.address().to_string();
  if (v6) {
    host = "[" + host + "]";
  }
  return core::format("{}://{}:{}", tls ? "https" : "http", host, local.port());
}

core::Result<std::unique_ptr<asio::ssl::context>> open_tls(const Options& options) {
  std::unique_ptr<asio::ssl::context> context;
  if (options.tls_cert.empty() && options.tls_key.empty()) {
    return context;
  }
  if (options.tls_cert.empty() || options.tls_key.empty()) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      "a TLS certificate and its key come together");
  }
  context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  boost::system::error_code failed;
  context->use_certificate_chain_file(options.tls_cert, failed);
  if (failed) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("{}: {}", options.tls_cert, failed.message()));
  }
  context->use_private_key_file(options.tls_key, asio::ssl::context::pem, failed);
  if (failed) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("{}: {}", options.tls_key, failed.message()));
  }
  return context;
}

/// Complete at once for whoever waits for the file.
core::Status write_ready_file(const std::string& path, const std::string& line) {
  const std::string fresh = core::format("{}.{}", path, core::random_hex(4));
  {
    const core::UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const std::string text = line + "\n";
    if (!fd.valid() ||
        ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      return core::os_error(errno, "write " + fresh);
    }
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    return core::os_error(errno, "rename " + fresh);
  }
  return {};
}

class Server final : public Emulator {
 public:
  static core::Result<std::unique_ptr<Emulator>> start(Options options) {
    auto server = std::make_unique<Server>();
    TRY(server->open(std::move(options)));
    return std::unique_ptr<Emulator>(std::move(server));
  }

  Server() : disk_(kDiskThreads) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override {
    for (Worker& worker : workers_) {
      worker.stop();
    }
    disk_.join();  // its work answers into the workers' contexts
    acceptors_.clear();
    workers_.clear();
  }

  [[nodiscard]] std::string ready_line() const override { return ready_line_; }
  [[nodiscard]] std::string oss_endpoint() const override { return oss_endpoint_; }
  [[nodiscard]] std::string admin_endpoint() const override { return admin_endpoint_; }
  [[nodiscard]] std::string metadata_endpoint() const override { return metadata_endpoint_; }
  [[nodiscard]] Identity identity() const override { return authority_->identity(); }

 private:
  core::Status open(Options options) {
    if (!options.data_dir.empty()) {
      std::error_code failed;
      std::filesystem::create_directories(options.data_dir, failed);
      if (failed) {
        return core::os_error(failed.value(), "make the folder " + options.data_dir);
      }
      options.authority.data_dir = options.data_dir;
    }
    TRY_ASSIGN(storage_, Storage::open(options.data_dir, clock_));
    TRY_ASSIGN(authority_, Authority::open(options.authority, clock_));
    TRY(open_buckets());
    TRY_ASSIGN(tls_, open_tls(options));
    ServiceOptions service;
    service.region = options.authority.region;
    service.domains = options.virtual_host_domains;
    service.missing_key_is_denied = options.missing_key_is_denied;
    service_ = std::make_unique<Service>(*storage_, *authority_, std::move(service), clock_);
    return listen(options);
  }

  core::Status open_buckets() {
    const std::vector<std::string> configured = authority_->buckets();
    for (const std::string& name : configured) {
      if (const auto made = storage_->put_bucket(name, {}, {}); !made) {
        return core::fail(core::ErrorKind::Io, made.error().message);
      }
    }
    for (const BucketFacts& facts : storage_->buckets()) {
      if (std::find(configured.begin(), configured.end(), facts.name) == configured.end()) {
        authority_->bucket_created(facts.name);  // made by a client before the last end
      }
    }
    return {};
  }

  core::Status listen(const Options& options) {
    const unsigned threads = std::clamp(options.threads, 1U, kMostThreads);
    for (unsigned i = 0; i < threads; ++i) {
      workers_.emplace_back();
    }
    asio::io_context& first = workers_.front().context();
    TRY_ASSIGN(auto objects, listen_at(first, options.listen));
    TRY_ASSIGN(auto metadata, listen_at(first, options.metadata_listen));
    TRY_ASSIGN(auto admin, listen_at(first, "127.0.0.1:0"));
    oss_endpoint_ = endpoint_of(*objects, tls_ != nullptr);
    metadata_endpoint_ = endpoint_of(*metadata, false);
    admin_endpoint_ = endpoint_of(*admin, false);
    accept_on(std::move(objects), Port::Objects);
    accept_on(std::move(metadata), Port::Metadata);
    accept_on(std::move(admin), Port::Admin);
    unsigned number = 0;
    for (Worker& worker : workers_) {
      worker.start(number++);
    }
    const Identity identity = authority_->identity();
    const std::vector<std::string> buckets = authority_->buckets();
    const nlohmann::ordered_json line = {{"oss_endpoint", oss_endpoint_},
                                         {"sts_endpoint", oss_endpoint_},
                                         {"metadata_endpoint", metadata_endpoint_},
                                         {"imds_endpoint", metadata_endpoint_},
                                         {"admin_endpoint", admin_endpoint_},
                                         {"region", options.authority.region},
                                         {"bucket", buckets.empty() ? "" : buckets.front()},
                                         {"access_key_id", identity.access_key_id},
                                         {"access_key_secret", identity.access_key_secret},
                                         {"role_arn", identity.role_arn},
                                         {"seed_role_arn", identity.seed_role_arn},
                                         {"aws_role_arn", identity.aws_role_arn},
                                         {"aws_seed_role_arn", identity.aws_seed_role_arn},
                                         {"ecs_role_name", identity.ecs_role_name}};
    ready_line_ = line.dump();
    if (!options.ready_file.empty()) {
      return write_ready_file(options.ready_file, ready_line_);
    }
    return {};
  }

  void accept_on(std::unique_ptr<tcp::acceptor> acceptor, Port port) {
    asio::co_spawn(acceptor->get_executor(), accept(*acceptor, port), asio::detached);
    acceptors_.push_back(std::move(acceptor));
  }

  /// Connections go to the workers in turn: with few of them that is fairer than letting the
  /// kernel choose among sockets of their own.
  awaitable<void> accept(tcp::acceptor& acceptor, Port port) {
    const Shared shared{clock_, *storage_, *authority_, *service_, faults_, stats_, shape_};
    asio::ssl::context* tls = port == Port::Objects ? tls_.get() : nullptr;
    asio::steady_timer timer(acceptor.get_executor());
    auto next = workers_.begin();
    for (;;) {
      auto [failed, socket] =
          co_await acceptor.async_accept(next->context(), asio::as_tuple(asio::use_awaitable));
      if (failed == asio::error::operation_aborted) {
        co_return;
      }
      if (failed) {  // out of descriptors, most likely: let some end
        core::log(core::LogLevel::Warn, "emulator: accept", {{"error", failed.message()}});
        timer.expires_after(std::chrono::milliseconds(50));
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        continue;
      }
      next->serve(std::move(socket), tls, port, shared, disk_);
      if (++next == workers_.end()) {
        next = workers_.begin();
      }
    }
  }

  core::SystemClock clock_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<Service> service_;
  Faults faults_{core::random_seed()};
  Stats stats_;
  Shape shape_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::string ready_line_;
  std::string oss_endpoint_;
  std::string metadata_endpoint_;
  std::string admin_endpoint_;
  std::list<Worker> workers_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
  asio::thread_pool disk_;
};

}  // namespace

core::Result<std::unique_ptr<Emulator>> Emulator::start(Options options) {
  return Server::start(std::move(options));
}

}  // namespace emulator
