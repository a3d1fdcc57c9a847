#include "submission/uploads/upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "net/url.h"
#include "runtime/stop.h"

namespace stoker::submission {

namespace {

using Targets = std::map<UploadKind, std::unique_ptr<UploadTarget>>;

Result<Targets> targets_for(const std::vector<spark::Upload>& uploads, const codec::HadoopProperties& properties,
                            const UploadServices& services) {
  Targets targets;
  for (const spark::Upload& upload : uploads) {
    TRY_ASSIGN(const UploadKind kind, upload_kind(upload.to_uri));
    if (kind == UploadKind::s3) TRY(split_s3_uri(upload.to_uri));
    if (targets.contains(kind)) continue;
    if (kind == UploadKind::file) {
      targets.emplace(kind, make_file_target(services.clock));
      continue;
    }
    targets.emplace(kind, make_s3_target(properties, services));
  }
  return targets;
}

// Workers take the files in turn.
class Crew {
 public:
  Crew(const runtime::Context& context, const std::vector<spark::Upload>& uploads, const Targets& targets,
       const UploadProgress& on_placed)
      : context_(context), uploads_(uploads), targets_(targets), on_placed_(on_placed) {
    context_.stop = stop_.get_token();
  }

  Result<void> run() {
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 1; i < std::min(kParallelUploads, uploads_.size()); ++i)
        threads.emplace_back([this] { work(); });
      work();
    }
    if (failure_) return *std::move(failure_);
    return {};
  }
  void stop() { stop_.request_stop(); }

 private:
  void work() {
    for (std::size_t i = next_++; i < uploads_.size() && !stop_.stop_requested(); i = next_++) {
      const spark::Upload& upload = uploads_[i];
      auto placed = targets_.at(upload_kind(upload.to_uri).value())->put(context_, upload);
      std::scoped_lock lock(mutex_);
      if (placed) {
        if (on_placed_) on_placed_(upload, *placed);
        continue;
      }
      // What others say afterwards is that they were stopped.
      if (!failure_)
        failure_ = std::move(placed).error().with_context(
            fmt::format("uploading {} to {}", upload.from_path, net::without_password(upload.to_uri)));
      stop_.request_stop();
    }
  }

  runtime::Context context_;
  const std::vector<spark::Upload>& uploads_;
  const Targets& targets_;
  const UploadProgress& on_placed_;
  runtime::StopSource stop_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::optional<Error> failure_;
};

}  // namespace

Result<void> upload_all(const runtime::Context& context, const std::vector<spark::Upload>& uploads,
                        const codec::HadoopProperties& properties, const UploadServices& services,
                        const UploadProgress& on_placed) {
  if (uploads.empty()) return {};
  TRY_ASSIGN(const Targets targets, targets_for(uploads, properties, services));
  Crew crew(context, uploads, targets, on_placed);
  const auto stop = [&crew] { crew.stop(); };
  const runtime::StopCallback<decltype(stop)> on_stop(context.stop, stop);
  TRY(crew.run());
  return context.check(services.clock);
}

}  // namespace stoker::submission
