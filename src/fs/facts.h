#pragma once
// What HEAD said of an object, in the form that state::ObjectMemory keeps.
#include <map>
#include <optional>
#include <string>

#include "state/remembered.h"
#include "store/object_store.h"

namespace fs {

std::map<std::string, std::string> to_facts(const store::ObjectMeta& meta);
/// Nothing where no facts are kept, or none that make sense.
std::optional<store::ObjectMeta> from_facts(const state::Remembered& about);

}  // namespace fs
