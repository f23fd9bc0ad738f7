#pragma once
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/time.h"
#include "curl/connection.h"

namespace curl {

/// The connections of one loop that rest between two exchanges.
///
/// What arrives while a connection rests belongs to no request, but would be taken for the answer
/// to the next one: whoever sees its socket become readable drops it. Threads: one at a time.
class Connections {
 public:
  void add(const Route& route, std::unique_ptr<Connection> connection, core::SteadyTime now);
  /// The one that rested last, whose window is the widest; none: there is none.
  std::unique_ptr<Connection> take(const Route& route);
  /// Something came on that socket: the connection stays only if that was nothing but TLS's own.
  /// False: none of these has it.
  bool stir(int socket);
  /// Those that have rested for longer than servers usually allow.
  void drop_old(core::SteadyTime now);

 private:
  void drop(int socket);
  struct Resting {
    std::unique_ptr<Connection> connection;
    core::SteadyTime since;
  };
  std::map<Route, std::vector<Resting>> resting_;  ///< by route, in the order of `since`
  std::unordered_map<int, Route> routes_;          ///< by socket
};

}  // namespace curl
