#pragma once

namespace core {

/// Whether the calling thread holds any Mutex. Known in debug builds; else false.
bool holds_a_lock();

}  // namespace core
