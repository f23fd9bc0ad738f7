#pragma once
// Looking at objects before somebody asks: whoever looks at one name of a directory after another
// (`ls -l`, `tar`, `rsync`) finds the next ones known. Only what HEAD said comes of it: a guess at
// what will be asked costs a request, never a wrong answer.
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/metadata_cache.h"
#include "core/metrics.h"
#include "core/thread_pool.h"
#include "fs/bucket.h"
#include "fs/learnt.h"
#include "fs/siblings.h"
#include "transfer/request_rate.h"

namespace fs {

/// Objects are asked for without a thread that waits; directories, and whatever needs a second try,
/// by a few.
/// Threads: any; only await() blocks.
class Ahead {
 public:
  static constexpr std::size_t kThreads = 32;

  /// `asked` counts the requests; `rate`, which may be null, bounds them.
  Ahead(Bucket& bucket, Learnt& learnt, core::Clock& clock, core::Metric& asked,
        transfer::RequestRate* rate);
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;
  /// Stops what runs, and waits.
  ~Ahead();

  using Page = std::shared_ptr<const cache::MetadataCache::Page>;
  /// A directory (its key prefix) was listed as far as these pages, which hold until `until`. Fewer
  /// pages than before, or others, are another listing.
  void listed(const std::string& directory, std::vector<Page> pages, core::SteadyTime until);

  /// What a listing showed under a name a while ago; a hint at what to ask, no answer.
  [[nodiscard]] std::optional<cache::ListedName> hint(const std::string& directory,
                                                      std::string_view name) const;
  /// Somebody looks at a name. `known`: it took no request of his own.
  void looked(const std::string& directory, std::string_view name, bool known);
  /// While that key is being asked for, waits. What was answered is in Learnt then.
  void await(const core::OpContext& context, const std::string& key);

 private:
  struct Sequence {
    std::vector<Page> pages;
    std::vector<std::size_t> first;  ///< the position of each page's first name
    core::SteadyTime until{};        ///< how long the listing holds
    core::SteadyTime used{};
    Siblings siblings;
  };
  struct Spot {
    std::size_t position = 0;
    const cache::ListedName* row = nullptr;
  };
  static std::optional<Spot> find(const Sequence& sequence, std::string_view name);
  static const cache::ListedName& at(const Sequence& sequence, std::size_t position);
  /// Keys to ask for, as the sequence wants it now.
  struct Question {
    std::string key;
    model::KeyComponent component;
    bool directory = false;
  };
  std::vector<Question> take(const std::string& directory, Sequence& sequence) REQUIRES(mutex_);
  /// A question on its way.
  struct Flight {
    std::string directory;
    Question question;
    core::OpContext context;
    core::SteadyTime asked;
    Learnt::Ticket ticket = 0;
    std::optional<transfer::RequestRate::Permit> permit;
  };
  using FlightPtr = std::shared_ptr<Flight>;
  [[nodiscard]] FlightPtr prepare(const std::string& directory, Question question);
  void start(const std::string& directory, std::vector<Question> questions);
  /// With no thread that waits for the answer, if there may be a request right now.
  bool start_at_once(const FlightPtr& flight);
  void ask(const FlightPtr& flight);
  core::Result<Found> ask_bucket(Flight& flight);
  void learn(const Flight& flight, core::Result<Found> found);
  void land(const Flight& flight);
  void drop_unused() REQUIRES(mutex_);

  Bucket& bucket_;
  Learnt& learnt_;
  core::Clock& clock_;
  core::Metric& asked_;
  transfer::RequestRate* const rate_;
  std::stop_source stop_;
  mutable core::Mutex mutex_{core::LockRank::Cache};
  core::CondVar answered_;
  std::map<std::string, std::shared_ptr<Sequence>> sequences_ GUARDED_BY(mutex_);
  /// By key, and whether somebody waits for the answer.
  std::unordered_map<std::string, bool> in_flight_ GUARDED_BY(mutex_);
  core::ThreadPool pool_{"look-ahead", kThreads};  // ends first
};

}  // namespace fs
