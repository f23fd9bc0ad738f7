#pragma once
// What an earlier daemon could not upload, for people.
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "state/journal_rows.h"

namespace app {

/// One line a file: size, key, since when, and why it is not uploaded yet.
std::string describe(const std::vector<state::KeptFile>& files);

/// Writes each of `files`, whose content lies in the folder `data`, to a file below `target`: by
/// its key behind `prefix`, in names that are safe there. Nothing that is there is touched. Shape:
/// those that could not be written, with why; `written` gets the paths of the others.
std::vector<std::pair<std::string, core::Error>> export_files(
    const std::vector<state::KeptFile>& files, const std::string& data, std::string_view prefix,
    const std::string& target, std::vector<std::string>& written);

}  // namespace app
