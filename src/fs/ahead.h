#pragma once
// Looking at objects before somebody asks: whoever looks at one name of a directory after another
// (`ls -l`, `tar`, `rsync`) finds the next ones known, and if he reads them (`cp -r`, `grep -r`),
// small ones fetched. Only what the bucket said comes of it: a guess at what will be asked costs a
// request, never a wrong answer.
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/key_index.h"
#include "cache/listed_page.h"
#include "core/metrics.h"
#include "core/thread_pool.h"
#include "fs/bucket.h"
#include "fs/learnt.h"
#include "fs/numbered.h"
#include "fs/siblings.h"
#include "transfer/downloads.h"
#include "transfer/request_rate.h"

namespace fs {

/// Objects are asked for without a thread that waits; directories, and whatever needs a second try,
/// by a few.
/// Threads: any; only await() blocks.
class Ahead {
 public:
  static constexpr std::size_t kThreads = 32;

  /// `asked` counts the requests; `rate`, which may be null, bounds them.
  Ahead(Bucket& bucket, const cache::KeyIndex& names, Learnt& learnt,
        transfer::Downloads& downloads, core::Clock& clock, core::Metric& asked,
        transfer::RequestRate* rate);
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;
  /// Stops what runs, and waits.
  ~Ahead();

  using Page = cache::ListedPages::Page;
  /// Page `index` (from 0) of a listing of a directory (its key prefix); none of them is
  /// empty. Another first page than before begins another listing.
  void listed(const std::string& directory, std::size_t index, const Page& page);

  /// Some names of a directory, whatever was listed before: they go on with that, or begin anew.
  void met(const std::string& directory, const Page& page);

  /// What to ask for.
  struct Hint {
    model::KeyComponent component;
    bool directory = false;
    /// What to fetch with the look, since who goes through this directory reads its files.
    std::optional<model::ObjectVersion> content;
    [[nodiscard]] std::string key() const { return component.text + (directory ? "/" : ""); }
  };
  /// What a listing showed under a name a while ago; no answer.
  [[nodiscard]] std::optional<Hint> hint(const std::string& directory, std::string_view name) const;
  /// Somebody looks at a name. `known`: it took no request of his own.
  void looked(const std::string& directory, std::string_view name, bool known);
  /// Somebody opens a name to read it. `known`: its bytes had been fetched ahead of him.
  void opened(const std::string& directory, std::string_view name, bool known);
  /// While that key is being asked for, waits. What was answered is in Learnt then.
  void await(const core::OpContext& context, const std::string& key);

 private:
  struct Sequence {
    cache::ListedPages names;
    core::SteadyTime used{};
    Siblings siblings;
    NumberedSiblings numbered;
    std::size_t looks = 0;
    std::size_t opens = 0;

    /// Whether most of what is looked at is read too.
    [[nodiscard]] bool is_read() const { return opens >= 2 && 2 * opens >= looks; }
  };
  /// Keys to ask for, as the sequence wants it now.
  struct Question {
    std::string key;
    model::KeyComponent component;
    bool directory = false;
    std::optional<model::ObjectVersion> content;  ///< to be fetched with the look
    bool in_order = false;                        ///< counts in Siblings::in_flight()
  };
  void note(const std::string& directory, std::string_view name, bool known, bool open);
  /// As it is to be fetched with a look.
  static std::optional<model::ObjectVersion> content(const std::string& directory,
                                                     const Sequence& sequence,
                                                     const cache::ListedName& row);
  /// Nothing where it is asked already, or cannot be.
  std::optional<Question> question(const std::string& directory, const Sequence& sequence,
                                   std::size_t position) REQUIRES(mutex_);
  std::vector<Question> take(const std::string& directory, Sequence& sequence) REQUIRES(mutex_);
  /// A question on its way.
  struct Flight {
    std::string directory;
    Question question;
    core::OpContext context;
    core::SteadyTime asked;
    Learnt::Ticket ticket = 0;
    std::optional<transfer::RequestRate::Permit> permit;
    bool brought = false;  ///< its bytes come with the answer
  };
  using FlightPtr = std::shared_ptr<Flight>;
  [[nodiscard]] FlightPtr prepare(const std::string& directory, Question question);
  void start(const std::string& directory, std::vector<Question> questions);
  [[nodiscard]] bool is_known(const Question& question) const;
  /// With no thread that waits for the answer, if there may be a request right now.
  bool start_at_once(const FlightPtr& flight);
  void answered(const FlightPtr& flight, core::Result<Found> found);
  void ask(const FlightPtr& flight);
  core::Result<Found> ask_bucket(Flight& flight);
  /// Whether the directory asked for is one by what is known now.
  [[nodiscard]] bool is_listed(const Flight& flight) const;
  void learn(const Flight& flight, core::Result<Found> found);
  void land(const Flight& flight);
  /// Whether that is a directory which nobody looked into lately.
  bool add(const std::string& directory, std::size_t index, const Page& page) REQUIRES(mutex_);
  /// The first questions about a directory, where somebody has just looked at most of another.
  std::vector<Question> expect(const std::string& directory) REQUIRES(mutex_);
  void drop_unused() REQUIRES(mutex_);

  Bucket& bucket_;
  const cache::KeyIndex& names_;
  Learnt& learnt_;
  transfer::Downloads& downloads_;
  core::Clock& clock_;
  core::Metric& asked_;
  transfer::RequestRate* const rate_;
  std::stop_source stop_;
  mutable core::Mutex mutex_{core::LockRank::Cache};
  core::CondVar answered_;
  std::map<std::string, std::shared_ptr<Sequence>> sequences_ GUARDED_BY(mutex_);
  core::SteadyTime gone_through_ GUARDED_BY(mutex_){};  ///< a directory was, name by name
  /// By key, and whether somebody waits for the answer.
  std::unordered_map<std::string, bool> in_flight_ GUARDED_BY(mutex_);
  core::ThreadPool pool_{"look-ahead", kThreads};  // ends first
};

}  // namespace fs
