#pragma once
#include <string>

namespace options {

/// One value as it was given.
struct Assignment {
  std::string name;
  std::string value;
  std::string origin;  ///< for messages: "--uid"
};

}  // namespace options
