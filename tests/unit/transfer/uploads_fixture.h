#pragma once
#include "support/fake_store.h"

namespace test {

/// The first such call; with a part number, the first of that part.
inline Rule on(Op op, int part = 0) {
  Rule rule;
  rule.op = op;
  rule.part = part;
  return rule;
}

}  // namespace test
