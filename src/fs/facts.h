#pragma once
// What HEAD said of an object, in the form that state::ObjectMemory keeps.
#include <map>
#include <optional>
#include <string>

#include "fs/bucket.h"
#include "state/remembered.h"

namespace fs {

std::map<std::string, std::string> to_facts(const Found& found);
/// Nothing for facts that make no sense, as of another version of this program.
std::optional<Found> from_facts(const state::Remembered& about);

}  // namespace fs
