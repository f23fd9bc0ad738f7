#pragma once
// What the dialects say differently. Everything else about credentials is the same.
#include <cstdint>
#include <span>
#include <string_view>

#include "cred/sts_dialect.h"

namespace cred {

enum class Dialect : std::uint8_t {
  Rpc,   ///< Alibaba Cloud's, STS by its RPC signature
  Acs3,  ///< Alibaba Cloud's, STS by the newer signature
  Aws,   ///< AWS's, and of those that answer like it (Ceph, MinIO)
};

/// How a cloud's metadata server calls things.
struct MetadataWords {
  std::string_view server;  ///< its URL
  std::string_view roles_path;
  std::string_view session_header;
  std::string_view session_life_header;
};

/// The value of a dialect. Immutable.
struct Traits {
  Dialect dialect = Dialect::Rpc;
  const StsDialect& sts;
  MetadataWords metadata;
  /// The rows of kEnvironmentNames that count, in order of preference.
  std::span<const std::size_t> environment;
};

const Traits& traits_of(Dialect dialect);

}  // namespace cred
