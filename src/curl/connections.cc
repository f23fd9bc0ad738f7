#include "curl/connections.h"

#include <algorithm>
#include <utility>

namespace curl {
namespace {

constexpr std::chrono::seconds kMayRest{50};  // servers close idle ones at about a minute
// More than a mount has requests on their way at once; the oldest go first.
constexpr std::size_t kMostResting = 512;

}  // namespace

void Connections::add(const Route& route, std::unique_ptr<Connection> connection,
                      core::SteadyTime now) {
  auto& resting = resting_[route];
  if (resting.size() >= kMostResting) {
    drop(resting.front().connection->socket());
  }
  routes_.insert_or_assign(connection->socket(), route);
  resting.push_back({std::move(connection), now});
}

std::unique_ptr<Connection> Connections::take(const Route& route) {
  const auto at = resting_.find(route);
  if (at == resting_.end() || at->second.empty()) {
    return nullptr;
  }
  auto connection = std::move(at->second.back().connection);
  at->second.pop_back();
  routes_.erase(connection->socket());
  return connection;
}

bool Connections::stir(int socket) {
  const auto at = routes_.find(socket);
  if (at == routes_.end()) {
    return false;
  }
  const auto& resting = resting_[at->second];
  const auto one = std::find_if(resting.begin(), resting.end(), [&](const Resting& each) {
    return each.connection->socket() == socket;
  });
  if (!one->connection->silent()) {
    drop(socket);
  }
  return true;
}

void Connections::drop(int socket) {
  const auto at = routes_.find(socket);
  if (at != routes_.end()) {
    std::erase_if(resting_[at->second],
                  [&](const Resting& one) { return one.connection->socket() == socket; });
    routes_.erase(at);
  }
}

void Connections::drop_old(core::SteadyTime now) {
  for (auto& [route, resting] : resting_) {
    const auto young = std::find_if(resting.begin(), resting.end(),
                                    [&](const Resting& one) { return now - one.since < kMayRest; });
    for (auto one = resting.begin(); one != young; ++one) {
      routes_.erase(one->connection->socket());
    }
    resting.erase(resting.begin(), young);
  }
  std::erase_if(resting_, [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace curl
