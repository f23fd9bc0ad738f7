// How fast objects are remembered and recalled: bench_object_memory [DIRECTORY [OBJECTS]]
#include "state/object_memory.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

state::Remembered object(std::size_t n) {
  std::string number = std::to_string(n);
  number.insert(0, 8 - number.size(), '0');
  return {
      .key = "data/run-7/frame-" + number + ".parquet",
      .etag = model::ETag("0123456789ABCDEF0123456789ABCDEF"),
      .last_modified = core::wall_from_unix(1'700'000'000),
      .inode = n + 1,
      .facts = {{"mode", "33188"}, {"uid", "1000"}, {"gid", "1000"}, {"mtime", "1700000000.5"}}};
}

void tell(const char* what, std::size_t count, core::Duration took) {
  const double ms = std::chrono::duration<double, std::milli>(took).count();
  std::printf("%-44s %10.2f ms  %8.2f us each\n", what, ms, 1000 * ms / static_cast<double>(count));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "/tmp";
  const std::size_t objects = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100'000;
  core::SystemClock clock;
  core::Metrics metrics;
  const std::string path = directory + "/bench-objects";
  const auto open = [&] {
    return state::ObjectMemory::open(path, "bench", {.most_queued = objects}, clock, metrics);
  };
  auto memory = open();
  memory->forget_tree("");
  memory->flush();

  auto begun = clock.steady_now();
  for (std::size_t n = 0; n < objects; ++n) {
    memory->remember(object(n));
  }
  tell("remember, as the caller sees it", objects, clock.steady_now() - begun);
  memory->flush();
  tell("remember, until it is in the file", objects, clock.steady_now() - begun);

  memory.reset();
  begun = clock.steady_now();
  memory = open();
  tell("open again", 1, clock.steady_now() - begun);

  std::size_t found = 0;
  begun = clock.steady_now();
  for (std::size_t n = 0; n + 1000 <= objects; n += 1000) {
    const std::size_t cut = std::string("data/run-7/").size();
    found +=
        memory->between("data/run-7/", object(n).key.substr(cut), object(n + 999).key.substr(cut))
            .size();
  }
  tell("recall, a page of 1,000 each", objects / 1000, clock.steady_now() - begun);

  begun = clock.steady_now();
  for (std::size_t n = 0; n < 10'000; ++n) {
    found += memory->find(object(n * 7919 % objects).key) ? 1 : 0;
  }
  tell("recall, one at a time", 10'000, clock.steady_now() - begun);

  begun = clock.steady_now();
  for (std::size_t n = 0; n < 10'000; ++n) {
    found += memory->by_inode(n * 7919 % objects + 1) ? 1 : 0;
  }
  tell("recall by number", 10'000, clock.steady_now() - begun);
  std::printf("found %zu of %zu; dropped %lld\n", found, objects / 1000 * 1000 + 20'000,
              static_cast<long long>(metrics["state.changes_dropped"].value()));
  return 0;
}
