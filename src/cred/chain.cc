#include "cred/chain.h"

#include "cred/failure.h"

namespace cred {

Fetched Chain::fetch(const core::OpContext& context) {
  const auto configured = [](const Fetched& fetched) {
    return fetched || fetched.error().kind != FetchFailure::Class::NotConfigured;
  };
  const std::size_t preferred = preferred_;
  if (preferred < sources_.size()) {
    auto fetched = sources_[preferred]->fetch(context);
    if (configured(fetched)) {
      return fetched;
    }
  }
  std::string reasons;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    auto fetched = sources_[i]->fetch(context);
    if (configured(fetched)) {
      if (fetched) {
        preferred_ = i;
      }
      return fetched;
    }
    reasons += (reasons.empty() ? "" : "; ") + fetched.error().error.message;
  }
  return not_configured("no credentials are configured: " + reasons);
}

std::vector<std::string> Chain::files() const {
  std::vector<std::string> all;
  for (const auto& source : sources_) {
    const auto some = source->files();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

void Chain::source_changed() {
  for (const auto& source : sources_) {
    source->source_changed();
  }
}

std::string Chain::describe() const {
  if (const std::size_t preferred = preferred_; preferred < sources_.size()) {
    return sources_[preferred]->describe();
  }
  std::string all;
  for (const auto& source : sources_) {
    all += (all.empty() ? "" : ", else ") + source->describe();
  }
  return all;
}

}  // namespace cred
