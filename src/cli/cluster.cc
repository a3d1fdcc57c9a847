#include "cli/cluster.h"

#include <fmt/format.h>

#include <memory>
#include <set>

#include "base/guarded.h"
#include "cli/random.h"
#include "runtime/wait.h"

namespace stoker::cli {

Cluster::Cluster(const Program& program, kube::ClusterConfiguration configuration)
    : namespace_name_(configuration.namespace_name),
      transport_(std::move(configuration), program.environment, program.clock),
      client_(transport_, program.clock,
              {.wait =
                   [&program](const runtime::Context& context, std::chrono::milliseconds delay) {
                     return runtime::wait_for(context, program.clock, delay);
                   },
               .random_bits = random_bits}) {
  const auto said = std::make_shared<Guarded<std::set<std::string>>>();
  client_.on_warning([said](std::string_view text) {
    if (said->with([&](auto& texts) { return texts.insert(std::string(text)).second; }))
      fmt::print(stderr, "warning: {}\n", text);
  });
}

}  // namespace stoker::cli
