// PoolLeaser: Spark steps lease their JVMs from the user's pool (workers/).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "local/steps/spark_lease.h"
#include "workers/pool_client.h"

namespace stoker::local {

class PoolLeaser final : public SparkLeaser {
 public:
  // `serve` starts the pool's daemon when none runs. The clock outlives the leaser.
  PoolLeaser(workers::PoolPaths paths, std::vector<std::string> serve, const Clock& clock)
      : client_(std::move(paths), std::move(serve), clock) {}

  Result<std::unique_ptr<SparkLease>> lease(const SparkLeaseRequest& request, const runtime::StopToken& stop,
                                            Progress progress) override;

 private:
  workers::PoolClient client_;
};

}  // namespace stoker::local
