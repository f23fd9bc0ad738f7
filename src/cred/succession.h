#pragma once
// What a fetch means for the lease in use. Pure.
#include <string>

#include "cred/credential_source.h"

namespace cred {

/// True if `fetched` is what `held` is, and it is no trouble yet that there is nothing else.
bool no_news(const Fetched& fetched, const Lease& held, core::SteadyTime now);

/// `fetched`, or why it is no successor of what is held. `refused`: the service does not take what
/// is held. `source` is for messages.
Fetched as_successor(Fetched fetched, const Lease* held, bool refused, core::SteadyTime now,
                     const std::string& source);

}  // namespace cred
