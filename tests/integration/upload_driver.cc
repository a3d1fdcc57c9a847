// Plans a submission and uploads its local files, without a cluster, for tests/integration/test_uploads.py:
//   upload_driver [--part-bytes N] ARGUMENTS OF SPARK-SUBMIT
// A line of JSON for each file; an error, and its hint, on standard error. SIGINT stops it.
#include <fmt/format.h>

#include <csignal>
#include <iostream>
#include <random>
#include <thread>

#include "runtime/process/process.h"
#include "spark/submit_arguments.h"
#include "spark/submit_request.h"
#include "submission/identifiers.h"
#include "submission/local_machine.h"
#include "submission/uploads/upload.h"

namespace stoker::submission {
namespace {

std::uint64_t random_bits() {
  static std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

Result<void> run(std::vector<std::string> words, const runtime::Context& context) {
  SystemClock clock;
  objects::S3Limits limits;
  if (words.size() > 1 && words[0] == "--part-bytes") {
    limits.part_bytes = limits.multipart_above_bytes = std::stoull(words[1]);
    words.erase(words.begin(), words.begin() + 2);
  }
  const auto variables = runtime::current_environment();
  const LocalMachine machine(variables, std::filesystem::current_path().string(), {});
  const spark::SparkVersion version = spark::newest_spark_version();
  TRY_ASSIGN(const spark::SubmitArguments arguments, spark::parse_submit_arguments(words, {}));
  TRY_ASSIGN(const spark::SubmitRequest request, spark::resolve_submit_request(arguments, version, machine));
  TRY_ASSIGN(const spark::SubmissionPlan plan,
             spark::plan_submission(request, version, draw_identifiers(random_bits, clock.wall_now()), machine));
  const UploadServices services = {
      .variables = variables,
      .clock = clock,
      .make_http = [&clock](const net::ClientOptions& options) -> std::unique_ptr<net::HttpClient> {
        return std::make_unique<net::CurlClient>(options, clock);
      },
      .waiting = runtime::real_waiting(clock, random_bits),
      .limits = limits};
  std::cout << "planned" << std::endl;
  return upload_all(
      context, plan.uploads, request.hadoop, services, [](const spark::Upload& upload, const Placed& placed) {
        const json::object line = {
            {"from", upload.from_path}, {"to", upload.to_uri}, {"bytes", placed.bytes}, {"there", placed.was_there}};
        std::cout << codec::write_json(line) << std::endl;
      });
}

}  // namespace
}  // namespace stoker::submission

int main(int argc, char** argv) {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  stoker::runtime::StopSource stop;
  std::thread([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    stop.request_stop();
  }).detach();
  auto result = stoker::submission::run({argv + 1, argv + argc}, {.deadline = {}, .stop = stop.get_token()});
  if (result.ok()) return 0;
  std::cerr << result.error().describe() << "\n" << result.error().hint << "\n";
  std::quick_exit(stoker::exit_code(result.error().code));
}
