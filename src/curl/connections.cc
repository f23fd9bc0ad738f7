#include "curl/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include "curl/handles.h"

namespace curl {

void Connections::watch(CURL* easy) {
  set_option(easy, CURLOPT_CLOSESOCKETFUNCTION, &on_close);
  set_option(easy, CURLOPT_CLOSESOCKETDATA, this);
}

void Connections::rests(CURL* easy, bool sound) {
  curl_socket_t socket = CURL_SOCKET_BAD;
  char* address = nullptr;
  long port = 0;
  if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK ||
      curl_easy_getinfo(easy, CURLINFO_LOCAL_IP, &address) != CURLE_OK ||
      curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port) != CURLE_OK ||
      socket == CURL_SOCKET_BAD || address == nullptr) {
    return;  // closed already
  }
  resting_.insert_or_assign({port, address}, Resting{socket, sound});
}

bool Connections::out_of_step(const char* address, long port) const {
  const auto at = resting_.find({port, address});
  if (at == resting_.end()) {
    return false;  // a new one
  }
  char byte = 0;
  return !at->second.sound ||
         ::recv(at->second.socket, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) > 0;
}

int Connections::on_close(void* self, curl_socket_t socket) {
  std::erase_if(static_cast<Connections*>(self)->resting_,
                [socket](const auto& entry) { return entry.second.socket == socket; });
  return ::close(socket);
}

}  // namespace curl
