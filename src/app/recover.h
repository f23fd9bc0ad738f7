#pragma once
// What an earlier daemon could not upload, for people.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "state/journal.h"

namespace app {

/// One line a file: size, key, since when, and why it is not uploaded yet.
std::string describe(const std::vector<state::KeptFile>& files);

struct Exported {
  std::vector<std::string> written;                           ///< keys
  std::vector<std::pair<std::string, core::Error>> failures;  ///< keys, and why
};
/// Writes what an earlier daemon left in `journal` and in the folder `data` to files below
/// `target`: each by its key behind `prefix`, in names that are safe there. Nothing that is there
/// is touched.
Exported export_files(state::Journal& journal, const std::string& data, std::string_view prefix,
                      const std::string& target);

}  // namespace app
