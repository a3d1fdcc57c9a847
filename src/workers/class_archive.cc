#include "workers/class_archive.h"

#include <algorithm>
#include <vector>

#include "runtime/file.h"
#include "runtime/process/process.h"

namespace stoker::workers {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto kTrainingLimit = 10min;
constexpr std::size_t kKeptArchives = 4;  // some 150 MB each

Result<void> run_training_job(const LeaseRequest& request, const py4j::GatewayAddress& gateway,
                              const runtime::StopToken& stop, const Clock& clock) {
  runtime::ProcessSpec spec;
  spec.argv = {"nice", "-n", "19", request.python.string(), "-m", "stoker._spark.training"};
  spec.environment = training_environment(request);
  (*spec.environment)["PYSPARK_GATEWAY_PORT"] = std::to_string(gateway.port);
  (*spec.environment)["PYSPARK_GATEWAY_SECRET"] = gateway.secret;
  spec.working_directory = request.working_directory;
  runtime::Context context{.deadline = runtime::Deadline::after(clock, kTrainingLimit), .stop = stop};
  TRY_ASSIGN(runtime::Output output, runtime::run_program(std::move(spec), context, clock));
  if (output.status.success()) return {};
  auto start = output.err.find_last_of('\n', output.err.size() < 2 ? 0 : output.err.size() - 2);
  return Error{.code = ErrorCode::environment,
               .message = "the training job of the class-data archive failed: " +
                          output.err.substr(start == std::string::npos ? 0 : start + 1)};
}

}  // namespace

Result<fs::path> make_class_archive(const LeaseRequest& asked, const JvmFolders& folders,
                                    const runtime::StopToken& stop, const Clock& clock) {
  TRY(runtime::make_directories(folders.archives));
  TRY(runtime::make_directories(folders.scratch));
  TRY_ASSIGN(auto work, runtime::TemporaryDirectory::make("training-", folders.scratch));
  LeaseRequest request = asked;
  request.working_directory = work.path();
  TRY_ASSIGN(JvmLaunch launch, inspect_launch(request, folders));
  TRY_ASSIGN(auto jvm, make_jvm(request, folders, {.low_priority = true, .make_archive = true}, clock));
  runtime::StopCallback<std::function<void()>> interrupt(stop, [&] { jvm->interrupt(); });
  TRY(jvm->start());
  auto python_path = request.environment.find("PYTHONPATH");
  LeaseSettings settings{.lease_id = "training",
                         .app_name = "stoker class archive",
                         .working_directory = work.path(),
                         .python_path = python_path == request.environment.end() ? "" : python_path->second,
                         .defaults = {{"spark.ui.enabled", "false"}}};
  TRY_ASSIGN(auto gateway, jvm->open_lease(settings, {}));
  TRY(run_training_job(request, gateway, stop, clock));
  jvm->close_lease();
  jvm->end();  // writes the archive
  fs::path made = fs::path(*launch.archive).concat(".new");
  std::error_code failure;
  fs::rename(made, *launch.archive, failure);
  if (failure) {
    return Error{.code = ErrorCode::environment,
                 .message = "the Java at " + launch.java.home.string() + " wrote no class-data archive"};
  }
  prune_class_archives(folders.archives, kKeptArchives);
  return *launch.archive;
}

void prune_class_archives(const fs::path& folder, std::size_t keep) {
  std::vector<std::pair<fs::file_time_type, fs::path>> archives;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure)) {
    if (entry.path().extension() == ".jsa") archives.emplace_back(entry.last_write_time(failure), entry.path());
  }
  std::ranges::sort(archives, std::greater());
  for (std::size_t i = keep; i < archives.size(); ++i)
    fs::remove(archives[i].second, failure);
}

}  // namespace stoker::workers
