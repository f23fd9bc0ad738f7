#pragma once
#include <string>

namespace curl {

struct Options {
  unsigned loops = 0;   ///< threads that own connections; 0: one per two cores, at least one
  std::string ca_file;  ///< PEM; empty: the system's certificates
  /// "http://host:port" or "https://…". Empty: none; the environment's proxy variables are never
  /// obeyed, since a proxy sees what is sent over plain http.
  std::string proxy;
  std::string user_agent = "stsfs";
};

}  // namespace curl
