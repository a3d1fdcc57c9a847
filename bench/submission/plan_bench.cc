// The pure half of a submission: command line to objects, for a plain application and for one with much configuration.
#include <benchmark/benchmark.h>

#include "spark/submission_plan.h"
#include "spark/test_surroundings.h"

namespace stoker::spark {
namespace {

std::vector<std::string> command_line(int properties) {
  std::vector<std::string> words = {"--master",      "k8s://https://host:6443",
                                    "--deploy-mode", "cluster",
                                    "--name",        "pi",
                                    "--conf",        "spark.kubernetes.container.image=apache/spark:4.0.1"};
  for (int i = 0; i < properties; ++i) {
    words.emplace_back("--conf");
    words.push_back("spark.test.key" + std::to_string(i) + "=value");
  }
  for (const char* word :
       {"--class", "org.apache.spark.examples.SparkPi", "local:///opt/spark/examples/pi.jar", "1000"})
    words.emplace_back(word);
  return words;
}

void BM_SubmissionPlan(benchmark::State& state) {
  const std::vector<std::string> words = command_line(static_cast<int>(state.range(0)));
  const testing::MemorySurroundings machine;
  const SparkVersion version = parse_spark_version("4.0.1").value();
  const Identifiers identifiers{"spark-00", "0123456789abcdef", "0123456789abcde0", "0123456789abcde1", "uuid", 1};
  for (auto _ : state) {
    const auto arguments = parse_submit_arguments(words);
    const auto request = resolve_submit_request(*arguments, version, machine);
    const auto plan = plan_submission(*request, version, identifiers, machine);
    if (!plan.ok()) state.SkipWithError("there is no plan");
    benchmark::DoNotOptimize(plan);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SubmissionPlan)->ArgName("properties")->Arg(0)->Arg(50)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace stoker::spark
