// Submissions end to end against a real API server, beside a loop that sends the same writes with bodies made
// beforehand.
//
//   submit_load KUBECONFIG NAMESPACE [COUNT [THREADS]]
//
// The namespace exists; what is made there stays. Prints one line of JSON; bench/submit_load.py starts an API server
// for it.
#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "kube/client.h"
#include "kube/cluster_configuration.h"
#include "kube/http_transport.h"
#include "resources/object.h"
#include "runtime/wait.h"
#include "spark/submission_plan.h"
#include "spark/test_surroundings.h"
#include "submission/identifiers.h"
#include "submission/placement.h"

namespace stoker {
namespace {

constexpr int kWritesEach = 4;
constexpr int kWarmUp = 20;

struct Figure {
  double wall_s = 0;
  double cpu_s = 0;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Runs `one` for each number, on so many threads. A failure ends the program: half a figure is none.
Figure measure(int count, int threads, const std::function<Result<void>(int)>& one) {
  std::atomic<int> next = 0;
  const auto begin = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([&] {
        for (int number = next++; number < count; number = next++)
          if (const auto done = one(number); !done) {
            fmt::print(stderr, "{}\n", done.error().describe());
            std::exit(1);
          }
      });
  }
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), cpu_seconds() - cpu};
}

struct Load {
  std::string namespace_name;
  int count;
  int threads;
  spark::testing::MemorySurroundings machine = {};
  spark::SparkVersion version = spark::parse_spark_version("4.0.1").value();

  Result<spark::SubmissionPlan> plan(const std::string& key) const {
    const std::vector<std::string> words = {"--master",
                                            "k8s://https://host:6443",
                                            "--deploy-mode",
                                            "cluster",
                                            "--name",
                                            "pi",
                                            "--conf",
                                            "spark.kubernetes.container.image=apache/spark:4.0.1",
                                            "--conf",
                                            "spark.kubernetes.namespace=" + namespace_name,
                                            "--class",
                                            "org.apache.spark.examples.SparkPi",
                                            "local:///opt/spark/examples/pi.jar"};
    TRY_ASSIGN(const auto arguments, spark::parse_submit_arguments(words));
    TRY_ASSIGN(const auto request, spark::resolve_submit_request(arguments, version, machine));
    return spark::plan_submission(request, version, submission::identifiers_of_key(key, {}), machine);
  }
};

// The writes of one submission as the loop sends them.
struct Bodies {
  std::vector<kube::Call> creations;
  std::string config_map_path;
};

Bodies bodies_of(const spark::SubmissionPlan& plan) {
  Bodies bodies;
  std::vector<json::object> objects = plan.dependants;
  objects.push_back(plan.driver);
  for (const json::object& object : objects) {
    const kube::ObjectPath path{.type = kube::resource_type_of(object).value(), .namespace_name = plan.namespace_name};
    bodies.creations.push_back({.method = "POST",
                                .path = path.url_path(),
                                .body = codec::write_json(object),
                                .content_type = "application/json"});
    if (resources::kind_of(object) == "ConfigMap")
      bodies.config_map_path = path.url_path() + "/" + std::string(resources::name_of(object));
  }
  return bodies;
}

Result<void> send_all(kube::Transport& transport, const Bodies& bodies) {
  std::string pod;
  for (const kube::Call& call : bodies.creations) {
    TRY_ASSIGN(const net::Response answer, transport.send({}, call, {}));
    if (!answer.ok()) return Error{.code = ErrorCode::unavailable, .message = answer.body};
  }
  const kube::Call patch{.method = "PATCH",
                         .path = bodies.config_map_path,
                         .body = R"({"metadata":{"annotations":{"a":"b"}}})",
                         .content_type = "application/merge-patch+json"};
  TRY_ASSIGN(const net::Response answer, transport.send({}, patch, {}));
  if (!answer.ok()) return Error{.code = ErrorCode::unavailable, .message = answer.body};
  return {};
}

int run(const std::string& kubeconfig, Load load) {
  const SystemClock clock;
  auto configuration = kube::load_kubeconfig({.context = {}, .file = kubeconfig}, {});
  if (!configuration) {
    fmt::print(stderr, "{}\n", configuration.error().describe());
    return 1;
  }
  kube::HttpTransport transport(std::move(configuration).value(), {}, clock);
  const kube::Client client(
      transport, clock,
      {.wait = [&](const runtime::Context& context,
                   std::chrono::milliseconds delay) { return runtime::wait_for(context, clock, delay); },
       .random_bits = [] { return 0U; }});
  const std::string round = fmt::format("{}", std::random_device{}());
  const auto submit = [&](const std::string& key) -> Result<void> {
    TRY_ASSIGN(const spark::SubmissionPlan plan, load.plan(key));
    TRY(submission::place({}, client, plan, {.submission_id = key}));
    return {};
  };
  measure(kWarmUp, load.threads, [&](int number) { return submit(fmt::format("warm-{}-{}", round, number)); });

  std::vector<Bodies> bodies;
  for (int i = 0; i < load.count; ++i)
    bodies.push_back(bodies_of(load.plan(fmt::format("raw-{}-{}", round, i)).value()));
  const Figure raw = measure(load.count, load.threads,
                             [&](int number) { return send_all(transport, bodies[static_cast<std::size_t>(number)]); });
  const Figure ours =
      measure(load.count, load.threads, [&](int number) { return submit(fmt::format("s-{}-{}", round, number)); });
  const double writes = static_cast<double>(load.count) * kWritesEach;
  fmt::print(
      R"({{"submissions":{},"threads":{},"raw_submissions_per_s":{:.1f},"submissions_per_s":{:.1f},"raw_cpu_ms_per_write":{:.3f},"cpu_ms_per_write":{:.3f}}})"
      "\n",
      load.count, load.threads, load.count / raw.wall_s, load.count / ours.wall_s, raw.cpu_s * 1e3 / writes,
      ours.cpu_s * 1e3 / writes);
  return 0;
}

}  // namespace
}  // namespace stoker

int main(int argc, char** argv) {
  constexpr int kCount = 300;
  constexpr int kThreads = 4;
  if (argc < 3) {
    fmt::print(stderr, "usage: submit_load KUBECONFIG NAMESPACE [COUNT [THREADS]]\n");
    return 2;
  }
  return stoker::run(argv[1], {.namespace_name = argv[2],
                               .count = argc > 3 ? std::atoi(argv[3]) : kCount,
                               .threads = argc > 4 ? std::atoi(argv[4]) : kThreads});
}
