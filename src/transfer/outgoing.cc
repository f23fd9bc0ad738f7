#include "transfer/outgoing.h"

#include <algorithm>
#include <deque>
#include <stop_token>
#include <utility>

#include "core/format.h"
#include "core/mutex.h"
#include "core/task_group.h"
#include "transfer/metrics.h"
#include "transfer/partial_plan.h"
#include "transfer/publishing.h"
#include "transfer/upload_options.h"
#include "transfer/upload_state.h"
#include "transfer/whole_uploads.h"
#include "transfer/zeros.h"

namespace transfer {
namespace {

using core::ErrorKind;
using core::OpContext;
using Kind = UploadStep::Kind;
using Goal = UploadState::Goal;

// For what nobody waits for. What fails so is sent again when somebody does.
constexpr core::Duration kPatienceAhead = std::chrono::minutes{2};
// What a write may wait for the network. It goes on after that, into the staging area.
constexpr core::Duration kMostWait = std::chrono::seconds{5};
// Writers that wait hold a thread each that the kernel's other requests need as well.
constexpr unsigned kMostWaiting = 16;
// How far a writer may be ahead of the network, beside the parts under way: what is being filled,
// and one that can begin as soon as another has arrived.
constexpr unsigned kPartsAhead = 2;

/// How the service copies the head.
std::vector<Piece> head_of(const UploadOptions& options, const store::Capabilities& can,
                           std::uint64_t head_bytes) {
  if (head_bytes == 0) {
    return {};
  }
  auto pieces = plan_pieces(head_bytes, {{Piece::Origin::Base, {0, head_bytes}}},
                            piece_rules(can, options.part_bytes));
  return pieces ? *std::move(pieces) : std::vector<Piece>{};
}

UploadRules rules_of(const UploadOptions& options, const store::Capabilities& can,
                     const std::vector<Piece>& head) {
  UploadRules rules;
  rules.threshold_bytes = options.multipart_threshold_bytes;
  rules.part_bytes = std::max(options.part_bytes, can.min_part_bytes);
  rules.max_part_bytes = can.max_part_bytes;
  rules.max_parts = static_cast<std::size_t>(can.max_parts) - head.size();
  rules.head_bytes = head.empty() ? 0 : head.back().range.last;
  return rules;
}

bool is_same(const store::ObjectAttributes& a, const store::ObjectAttributes& b) {
  return a.content_type == b.content_type && a.user == b.user && a.content == b.content;
}

class PartByPart final : public Outgoing {
 public:
  PartByPart(OutgoingParts& parts, std::shared_ptr<const store::Source> source,
             std::uint64_t head_bytes)
      : parts_(parts),
        head_(head_of(parts.options, parts.store.capabilities(), head_bytes)),
        rules_(rules_of(parts.options, parts.store.capabilities(), head_)),
        source_(std::move(source)) {}
  PartByPart(const PartByPart&) = delete;
  PartByPart& operator=(const PartByPart&) = delete;
  ~PartByPart() override {
    (void)apply(Abandoned{});
    if (group_) {
      (void)group_->wait();  // what was dropped and what runs tells of its end, here
    }
    for (const UploadStep& step : take_due()) {
      if (step.kind == Kind::Abort) {
        abort({});
      }
    }
  }

  bool wrote(model::ByteRange range) override { return apply(Wrote{range}); }
  void altered(model::ByteRange range) override { (void)apply(Altered{range}); }
  void truncated(std::uint64_t size) override { (void)apply(Truncated{size}); }

  void start(Target target) override {
    OpContext context;
    context.cause = core::Cause::Upload;
    context.stop = stop_.get_token();
    {
      const core::MutexLock lock(mutex_);
      begun_ = std::move(target);
    }
    group_ = std::make_unique<core::TaskGroup>(parts_.pool, context, parts_.options.connections);
    (void)apply(TargetKnown{});
  }

  bool started() const override {
    const core::MutexLock lock(mutex_);
    return state_.service == UploadState::Service::Initiating ||
           state_.service == UploadState::Service::Open;
  }

  void await_room(const OpContext& context) override {
    const std::stop_callback on_stop(context.stop, [this] {
      const core::MutexLock lock(mutex_);
      changed_.notify_all();
    });
    const core::MutexLock lock(mutex_);
    if (!is_full() || is_stuck_) {
      return;
    }
    if (++parts_.waiting <= kMostWaiting) {
      const core::SteadyTime end =
          std::min(context.deadline, parts_.clock.steady_now() + kMostWait);
      parts_.counters.writers_waited.add();
      while (is_full() && !context.stopped() && parts_.clock.steady_now() < end) {
        parts_.clock.wait_until(changed_, mutex_, end);
      }
      is_stuck_ = is_full();  // until something arrives
    }
    --parts_.waiting;
  }

  core::Result<Delivered> publish(const OpContext& caller, const Delivery& delivery) override {
    OpContext context = caller;
    context.cause = core::Cause::Upload;
    bool elsewhere = false;
    {
      const core::MutexLock lock(mutex_);
      deadline_ = context.deadline;
      error_.reset();  // whatever did not arrive is sent again
      elsewhere = begun_ && begun_->key != delivery.target.key;
    }
    const std::stop_callback on_stop(
        context.stop, [this] { interrupt(core::fail(ErrorKind::Cancelled, "stopped")); });
    const bool headless =
        !head_.empty() && (!delivery.overlay || delivery.overlay->base.size != rules_.head_bytes);
    const bool sparse =
        started() && delivery.overlay && !big_holes(*delivery.overlay->content).empty();
    (void)apply(Finish{source_->size(), elsewhere || headless || sparse});
    for (;;) {
      switch (await_due(context).kind) {
        case Kind::Complete:
          if (auto published = complete(context, delivery)) {
            return amend(context, delivery, *std::move(published));
          }
          break;
        case Kind::Abort:
          abort(context);
          break;
        case Kind::PutWhole:
          return put_whole(context, delivery);
        case Kind::AskTarget:
        case Kind::Initiate:
        case Kind::Send:
        case Kind::GiveUp:
          parts_.counters.uploads_failed.add();
          return failure().within(core::format("upload {}", delivery.target.key.text()));
      }
    }
  }

 private:
  /// Tells of a task's end, also where it never ran.
  class Told {
   public:
    Told(PartByPart& owner, UploadEvent unless) : owner_(owner), event_(std::move(unless)) {}
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;
    ~Told() { (void)owner_.apply(event_); }
    void is(UploadEvent event) { event_ = std::move(event); }

   private:
    PartByPart& owner_;
    UploadEvent event_;
  };

  /// Whether whoever writes is asked for a target.
  bool apply(const UploadEvent& event) {
    std::vector<UploadStep> steps;
    bool is_ending = false;
    bool asks = false;
    {
      const core::MutexLock lock(mutex_);
      steps = next(state_, event, rules_);
      is_ending = state_.goal == Goal::PutWhole || state_.goal == Goal::GiveUp ||
                  state_.goal == Goal::Abandon;
      if (std::holds_alternative<PartDone>(event)) {
        is_stuck_ = false;
      }
      for (const UploadStep& step : steps) {
        asks = asks || step.kind == Kind::AskTarget;
        if (is_for_whoever_ends(step.kind)) {
          due_.push_back(step);
        }
      }
      changed_.notify_all();
    }
    if (is_ending) {
      stop_.request_stop();
    }
    for (const UploadStep& step : steps) {
      begin(step);
    }
    return asks;
  }

  static bool is_for_whoever_ends(Kind kind) {
    return kind == Kind::Complete || kind == Kind::Abort || kind == Kind::PutWhole ||
           kind == Kind::GiveUp;
  }

  void begin(const UploadStep& step) {
    if (step.kind == Kind::Initiate) {
      group_->start([this, told = std::make_shared<Told>(*this, NotInitiated{})](
                        const OpContext& own) -> core::Status {
        initiate(own, *told);
        return {};
      });
    } else if (step.kind == Kind::Send) {
      group_->start(
          [this, step, told = std::make_shared<Told>(*this, PartFailed{.index = step.index})](
              const OpContext& own) -> core::Status {
            send(own, step, *told);
            return {};
          });
    }
  }

  /// Until whoever publishes loses patience; before that, as long as may be worth while.
  OpContext patient(const OpContext& own) const {
    const core::MutexLock lock(mutex_);
    return own.until(deadline_.value_or(parts_.clock.steady_now() + kPatienceAhead));
  }

  void initiate(const OpContext& own, Told& told) {
    const OpContext context = patient(own);
    Target target = *begun();
    auto settings = parts_.store.complete_settings(context, target.attributes.settings);
    if (!settings) {
      note(std::move(settings).error());
      return;
    }
    target.attributes.settings = *std::move(settings);
    auto id = parts_.publishing.start(context, target.key, target.attributes);
    if (!id) {
      note(std::move(id).error());
      return;
    }
    {
      const core::MutexLock lock(mutex_);
      begun_ = std::move(target);
      upload_id_ = *std::move(id);
    }
    told.is(Initiated{});
  }

  void send(const OpContext& own, const UploadStep& step, Told& told) {
    const bool ahead = !is_finishing();
    auto receipt = parts_.publishing.send_part(patient(own), begun()->key, upload_id(),
                                               number_of(step.index), source_, step.range);
    if (!receipt) {
      const bool vanished = receipt.error().kind == ErrorKind::NoUpload;
      note(std::move(receipt).error().within(core::format("part {}", step.index + 1)));
      told.is(PartFailed{step.index, vanished});
      return;
    }
    if (ahead) {
      parts_.counters.parts_ahead.add();
    }
    told.is(PartDone{step.index, *std::move(receipt)});
  }

  /// Of a part after the head.
  [[nodiscard]] int number_of(std::size_t index) const {
    return static_cast<int>(head_.size() + index) + 1;
  }

  core::Result<std::vector<store::PartReceipt>> copy_head(const OpContext& context,
                                                          const Delivery& delivery) {
    std::vector<store::PartReceipt> receipts(head_.size());
    core::TaskGroup group(parts_.pool, context, parts_.options.connections);
    for (std::size_t i = 0; i < head_.size(); ++i) {
      group.start([&, i](const OpContext& own) -> core::Status {
        TRY_ASSIGN(receipts[i], parts_.publishing.copy_part(
                                    own, delivery.target.key, upload_id(), static_cast<int>(i) + 1,
                                    delivery.overlay->base, head_[i].range));
        return {};
      });
    }
    if (auto copied = group.wait(); !copied) {
      core::Error error = std::move(copied).error();
      if (error.kind == ErrorKind::NotFound) {
        error.kind = ErrorKind::Changed;  // it was there when somebody began to write over it
      }
      return std::move(error).within("copy what was not changed");
    }
    return receipts;
  }

  core::Result<store::Published> complete(const OpContext& context, const Delivery& delivery) {
    auto published = join(context, delivery);
    if (published) {
      parts_.counters.uploads_completed.add();
      (void)apply(Completed{});
      return published;
    }
    {
      const core::MutexLock lock(mutex_);
      error_ = published.error();  // whatever else went wrong, all parts had arrived
    }
    (void)apply(NotCompleted{published.error().kind == ErrorKind::NoUpload});
    return published;
  }

  core::Result<store::Published> join(const OpContext& context, const Delivery& delivery) {
    const Target target = *begun();
    Publishing::Assembled assembled;
    assembled.key = target.key;
    assembled.upload_id = upload_id();
    assembled.attributes = target.attributes;
    assembled.precondition = delivery.precondition;
    TRY_ASSIGN(assembled.parts, copy_head(context, delivery));
    {
      const core::MutexLock lock(mutex_);
      const auto sent = receipts(state_);
      assembled.parts.insert(assembled.parts.end(), sent.begin(), sent.end());
      assembled.size = state_.size;
    }
    if (!head_.empty()) {
      const Overlay& overlay = *delivery.overlay;
      assembled.crc64 =
          sum_of_append(head_, {overlay.base.size, overlay.base_crc64}, assembled.parts);
    }
    return parts_.publishing.complete(context, assembled);
  }

  core::Result<Delivered> amend(const OpContext& context, const Delivery& delivery,
                                store::Published published) {
    Delivered delivered{std::move(published), begun()->attributes, {}};
    const store::ObjectAttributes& wanted = delivery.target.attributes;
    if (is_same(delivered.attributes, delivery.sufficient.value_or(wanted))) {
      return delivered;
    }
    store::CopyRequest request;
    request.source = {delivery.target.key, delivered.published.etag, size(),
                      delivered.published.version_id};
    request.target = delivery.target.key;
    request.replace = wanted;
    request.settings = delivered.published.settings;
    auto copied = parts_.uploads.copy(context, request);
    if (copied) {
      delivered.published = *std::move(copied);
      delivered.attributes = wanted;
    } else {
      delivered.amended = std::move(copied).error();
    }
    return delivered;
  }

  core::Result<Delivered> put_whole(const OpContext& context, const Delivery& delivery) {
    const Target& target = delivery.target;
    auto published = delivery.overlay
                         ? parts_.uploads.publish_over(context, target.key, *delivery.overlay,
                                                       target.attributes, delivery.precondition)
                         : parts_.uploads.publish(context, target.key, source_, target.attributes,
                                                  delivery.precondition);
    if (!published) {
      return std::move(published).error();
    }
    const bool appended = published->type == store::ObjectType::Appendable;
    return Delivered{*std::move(published),
                     appended ? delivery.sufficient.value_or(target.attributes) : target.attributes,
                     {}};
  }

  void abort(const OpContext& context) {
    parts_.publishing.abort(context, begun()->key, upload_id(), failure());
  }

  UploadStep await_due(const OpContext& context) {
    bool in_time = true;
    for (;;) {
      {
        const core::MutexLock lock(mutex_);
        while (due_.empty() && (!in_time || parts_.clock.steady_now() < context.deadline)) {
          parts_.clock.wait_until(changed_, mutex_,
                                  in_time ? context.deadline : core::SteadyTime::max());
        }
        if (!due_.empty()) {
          const UploadStep step = due_.front();
          due_.pop_front();
          return step;
        }
      }
      in_time = false;
      interrupt(core::fail(ErrorKind::Timeout, "not all parts arrived in time"));
    }
  }

  /// Nobody waits for what is under way any more. It ends soon, which is waited for.
  void interrupt(core::Error why) {
    note(std::move(why));
    (void)apply(Interrupted{});
  }

  void note(core::Error error) {
    const core::MutexLock lock(mutex_);
    if (!error_) {
      error_ = std::move(error);
    }
  }
  core::Error failure() const {
    const core::MutexLock lock(mutex_);
    return error_.value_or(core::fail(ErrorKind::Cancelled, "nobody wants it any more"));
  }
  std::optional<Target> begun() const {
    const core::MutexLock lock(mutex_);
    return begun_;
  }
  std::string upload_id() const {
    const core::MutexLock lock(mutex_);
    return upload_id_;
  }
  std::uint64_t size() const {
    const core::MutexLock lock(mutex_);
    return state_.size;
  }
  bool is_finishing() const {
    const core::MutexLock lock(mutex_);
    return deadline_.has_value();
  }
  std::deque<UploadStep> take_due() {
    const core::MutexLock lock(mutex_);
    return std::exchange(due_, {});
  }
  bool is_full() const REQUIRES(mutex_) {
    const std::uint64_t part = scheduled_part(rules_, state_.parts.size()).size();
    return backlog(state_, rules_) > (parts_.options.connections + kPartsAhead) * part;
  }

  OutgoingParts& parts_;
  const std::vector<Piece> head_;
  const UploadRules rules_;
  const std::shared_ptr<const store::Source> source_;
  std::stop_source stop_;
  mutable core::Mutex mutex_{core::LockRank::Staging};
  core::CondVar changed_;
  UploadState state_ GUARDED_BY(mutex_);
  std::deque<UploadStep> due_ GUARDED_BY(mutex_);  ///< for whoever publishes, or ends it
  std::optional<Target> begun_ GUARDED_BY(mutex_);
  std::string upload_id_ GUARDED_BY(mutex_);
  std::optional<core::Error> error_ GUARDED_BY(mutex_);          ///< the first
  std::optional<core::SteadyTime> deadline_ GUARDED_BY(mutex_);  ///< of whoever publishes
  bool is_stuck_ GUARDED_BY(mutex_) = false;                     ///< a writer has waited in vain
  std::unique_ptr<core::TaskGroup> group_;                       ///< set before the first task
};

}  // namespace

std::shared_ptr<Outgoing> begin_outgoing(OutgoingParts& parts,
                                         std::shared_ptr<const store::Source> source,
                                         std::uint64_t head_bytes) {
  return std::make_shared<PartByPart>(parts, std::move(source), head_bytes);
}

}  // namespace transfer
