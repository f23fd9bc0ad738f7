#pragma once
#include <curl/curl.h>

#include <map>
#include <string>
#include <utility>

namespace curl {

/// The connections of one loop between two exchanges. What arrives while a connection rests belongs
/// to no request, but would be taken for the answer to the next one: such a connection is not used
/// again.
/// Threads: the loop's.
class Connections {
 public:
  Connections() = default;
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;
  ~Connections() = default;

  /// To be told by `easy` when it closes a connection. Must outlive all that `easy` opens.
  void watch(CURL* easy);
  /// The exchange of `easy` has ended, and its connection may be used again if it is `sound`.
  void rests(CURL* easy, bool sound);
  /// Whether the connection whose own end is at `address` and `port` must not be used again.
  [[nodiscard]] bool out_of_step(const char* address, long port) const;

 private:
  struct Resting {
    curl_socket_t socket;
    bool sound;
  };
  static int on_close(void* self, curl_socket_t socket);

  std::map<std::pair<long, std::string>, Resting> resting_;
};

}  // namespace curl
