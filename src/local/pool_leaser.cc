#include "local/pool_leaser.h"

#include <utility>

#include "workers/installation.h"

namespace stoker::local {

namespace {

class PoolLease final : public SparkLease {
 public:
  explicit PoolLease(std::unique_ptr<workers::PoolLease> lease) : lease_(std::move(lease)) {}

  runtime::Environment environment() const override { return lease_->environment(); }

  std::optional<SparkLeaseUse> release() override {
    auto released = lease_->release();
    if (!released) return std::nullopt;
    out_of_memory_ = released->out_of_memory;
    return SparkLeaseUse{released->cpu.count(), static_cast<std::int64_t>(released->peak_rss_bytes)};
  }

  std::optional<SparkJvmEnd> jvm_end() const override {
    if (auto exit = lease_->jvm_exit()) {
      return SparkJvmEnd{exit->reason.empty() ? exit->status : exit->reason + " (" + exit->status + ")",
                         exit->out_of_memory};
    }
    if (out_of_memory_) return SparkJvmEnd{"it reported java.lang.OutOfMemoryError", true};
    return std::nullopt;
  }

 private:
  std::unique_ptr<workers::PoolLease> lease_;
  bool out_of_memory_ = false;
};

}  // namespace

Result<std::unique_ptr<SparkLease>> PoolLeaser::lease(const SparkLeaseRequest& request, const runtime::StopToken& stop,
                                                      Progress progress) {
  TRY_ASSIGN(auto java, workers::find_java(request.environment));
  workers::LeaseRequest wanted;
  wanted.project = request.project_root;
  wanted.java = java.executable;
  wanted.spark_home = request.pyspark_home;
  wanted.python = request.python;
  wanted.environment = request.environment;
  wanted.working_directory = request.working_directory;
  wanted.app_name = request.app_name;
  wanted.log = request.log;
  wanted.progress = true;
  TRY(workers::apply_session(request.session, wanted));
  runtime::Context context;
  context.stop = stop;
  auto forward = [progress = std::move(progress)](const std::vector<workers::StageProgress>& stages) {
    std::vector<engine::StageProgress> converted;
    for (const auto& stage : stages) {
      converted.push_back({stage.id, stage.name, stage.done, stage.failed, stage.active, stage.total});
    }
    progress(std::move(converted));
  };
  TRY_ASSIGN(auto lease, client_.lease(wanted, context, forward));
  return std::unique_ptr<SparkLease>(std::make_unique<PoolLease>(std::move(lease)));
}

}  // namespace stoker::local
