// The JVM pool without the rest of the program, for tests/integration/test_spark_pool.py: `serve …` and `prepare
// REQUEST`.
#include <fmt/format.h>

#include <iostream>

#include "runtime/file.h"
#include "workers/class_archive.h"
#include "workers/pool_daemon.h"

namespace stoker::workers {
namespace {

Result<void> serve(const std::vector<std::string>& arguments, const PoolPaths& paths, const Clock& clock) {
  TRY_ASSIGN(ServeArguments parsed, parse_serve_arguments(arguments, paths));
  if (parsed.foreground) return run_pool_daemon(parsed.options, {}, clock);
  return start_pool_daemon(parsed.options, clock);
}

Result<void> prepare(const std::string& file, const PoolPaths& paths, const Clock& clock) {
  TRY_ASSIGN(std::string text, runtime::read_file(file, kMaximumPoolMessage));
  TRY_ASSIGN(json::value message, codec::parse_json(text));
  TRY_ASSIGN(LeaseRequest request, lease_request_from_json(message));
  TRY_ASSIGN(auto path, make_class_archive(request, paths.jvms, {}, clock));
  std::cout << path.string() << "\n";
  return {};
}

Result<void> run(const std::vector<std::string>& arguments) {
  SystemClock clock;
  TRY_ASSIGN(PoolPaths paths, PoolPaths::prepare(runtime::current_environment()));
  if (!arguments.empty() && arguments[0] == "serve") {
    return serve({arguments.begin() + 1, arguments.end()}, paths, clock);
  }
  if (arguments.size() == 2 && arguments[0] == "prepare") return prepare(arguments[1], paths, clock);
  return Error{.code = ErrorCode::usage, .message = "spark_pool_driver serve … | prepare FILE"};
}

}  // namespace
}  // namespace stoker::workers

int main(int argc, char** argv) {
  auto result = stoker::workers::run({argv + 1, argv + argc});
  if (result.ok()) return 0;
  std::cerr << result.error().describe() << "\n";
  return stoker::exit_code(result.error().code);
}
