#include "local/steps/python.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <vector>

#include "base/strings.h"
#include "codec/json.h"
#include "codec/sha256.h"
#include "local/text.h"
#include "runtime/file.h"

namespace stoker::local {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kFactsLimit = 1024 * 1024;
constexpr int kFactsVersion = 1;
// Older interpreters cannot run the worker.
constexpr int kOldestMinor = 8;

// Imports nothing of pyspark or stoker: it only looks where they are.
constexpr std::string_view kProbe = R"(
import importlib.util, json, os, sys
def home(name):
    try:
        spec = importlib.util.find_spec(name)
    except Exception:
        return None
    if spec is None or not spec.submodule_search_locations: return None
    return list(spec.submodule_search_locations)[0]
def version(folder):
    scope = {}
    try:
        with open(os.path.join(folder, "version.py"), encoding="utf-8") as stream: exec(stream.read(), scope)
        return str(scope["__version__"])
    except Exception:
        return "unknown"
spark = home("pyspark")
stoker = home("stoker")
print(json.dumps({"executable": sys.executable, "version": "%d.%d.%d" % sys.version_info[:3],
    "stoker": stoker is not None and os.path.exists(os.path.join(stoker, "_worker", "__main__.py")),
    "pyspark_home": spark, "pyspark_version": version(spark) if spark else "",
    "path": [os.path.abspath(p) for p in sys.path if p] + ([os.path.join(spark, "version.py")] if spark else [])}))
)";

bool is_executable_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<fs::path> python_in(const fs::path& folder) {
  for (const char* name : {"python3", "python"}) {
    if (is_executable_file(folder / name)) return folder / name;
  }
  return std::nullopt;
}

Result<Interpreter> find_chosen(const InterpreterSearch& search) {
  const char* source = search.from_project ? "the project's setting" : "--python";
  fs::path path(search.chosen);
  std::error_code ignored;
  // A folder is a virtual environment.
  const fs::path absolute = path.is_relative() && search.from_project ? search.project_root / path : path;
  if (fs::is_directory(absolute, ignored)) {
    if (auto inside = python_in(absolute / "bin")) return Interpreter{*inside, source};
  }
  auto found = search.chosen.find('/') == std::string::npos
                   ? runtime::find_executable(search.chosen, variable(search.environment, "PATH"))
                   : (is_executable_file(absolute) ? std::optional(absolute) : std::nullopt);
  if (!found) {
    return Error{.code = ErrorCode::environment,
                 .message = fmt::format("{} names {}, and there is no such Python", source, search.chosen),
                 .hint = "give the path of a python3 or of a virtual environment"};
  }
  return Interpreter{fs::absolute(*found), source};
}

json::value stamp_of(const std::string& path) {
  auto stamp = runtime::stamp_file(path);
  if (!stamp) return {{"path", path}, {"stamp", nullptr}};
  return {{"path", path}, {"stamp", {stamp->device, stamp->inode, stamp->size, stamp->modified_ns, stamp->changed_ns}}};
}

// Numbers are compared by their text: what was written as unsigned comes back as signed.
bool still_true(const json::value& entry) {
  return codec::write_json(stamp_of(std::string(entry.at("path").as_string()))) == codec::write_json(entry);
}

Result<PythonFacts> read_facts(const json::object& answer) {
  PythonFacts facts;
  facts.executable = std::string(answer.at("executable").as_string());
  facts.version = std::string(answer.at("version").as_string());
  facts.has_stoker = answer.at("stoker").as_bool();
  facts.pyspark_version = std::string(answer.at("pyspark_version").as_string());
  if (answer.at("pyspark_home").is_string()) facts.pyspark_home = std::string(answer.at("pyspark_home").as_string());
  const auto parts = split(facts.version, '.');
  if (parts.size() < 2 || parts[0] != "3" || std::stoi(parts[1]) < kOldestMinor) {
    return Error{.code = ErrorCode::environment,
                 .message = fmt::format("{} is Python {}", facts.executable.string(), facts.version),
                 .hint = fmt::format("Python 3.{} or newer is needed; choose one with --python", kOldestMinor)};
  }
  return facts;
}

std::optional<json::object> read_cached(const fs::path& file) {
  auto text = runtime::read_file(file, kFactsLimit);
  if (!text) return std::nullopt;
  auto parsed = codec::parse_json(*text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  try {
    const json::object& object = parsed->as_object();
    if (object.at("version") != kFactsVersion) return std::nullopt;
    for (const auto& entry : object.at("stamps").as_array()) {
      if (!still_true(entry)) return std::nullopt;
    }
    return object.at("answer").as_object();
  } catch (const std::exception&) {  // of another shape: made anew
    return std::nullopt;
  }
}

}  // namespace

Result<Interpreter> find_interpreter(const InterpreterSearch& search) {
  if (!search.chosen.empty()) return find_chosen(search);
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const std::string folder = variable(search.environment, name);
    if (folder.empty()) continue;
    if (auto found = python_in(fs::path(folder) / "bin")) return Interpreter{*found, fmt::format("{} is set", name)};
  }
  if (!search.project_root.empty()) {
    if (auto found = python_in(search.project_root / ".venv" / "bin"))
      return Interpreter{*found, ".venv of the project"};
  }
  if (!search.program.empty()) {
    if (auto found = python_in(search.program.parent_path())) return Interpreter{*found, "beside the program"};
  }
  const std::string path = variable(search.environment, "PATH");
  for (const char* name : {"python3", "python"}) {
    if (auto found = runtime::find_executable(name, path))
      return Interpreter{fs::absolute(*found), fmt::format("{} of the PATH", name)};
  }
  return Error{.code = ErrorCode::environment,
               .message = "no Python was found",
               .hint = "install python3, activate a virtual environment, or name one with --python"};
}

Result<PythonFacts> inspect_interpreter(const fs::path& interpreter, const runtime::Environment& environment,
                                        const fs::path& cache, const runtime::Context& context, const Clock& clock) {
  const std::string key =
      interpreter.string() + "\n" + variable(environment, "PYTHONPATH") + "\n" + variable(environment, "PYTHONHOME");
  const fs::path file = cache / (codec::sha256_hex(key).substr(0, 32) + ".json");
  if (!cache.empty()) {
    if (auto cached = read_cached(file)) return read_facts(*cached);
  }
  runtime::ProcessSpec probe;
  probe.argv = {interpreter.string(), "-c", std::string(kProbe)};
  probe.environment = environment;
  probe.working_directory = "/";  // what lies in the current folder is not installed
  TRY_ASSIGN(auto output, runtime::run_program(std::move(probe), context, clock));
  auto answer = codec::parse_json(output.out);
  if (!output.status.success() || !answer || !answer->is_object()) {
    return Error{.code = ErrorCode::environment,
                 .message = fmt::format("{} does not work: {} {}", interpreter.string(), output.status.describe(),
                                        printable_tail(output.err, 3, 1000)),
                 .hint = "choose another Python with --python"};
  }
  TRY_ASSIGN(PythonFacts facts, read_facts(answer->as_object()));
  json::array stamps{stamp_of(interpreter.string())};
  for (const auto& path : answer->at("path").as_array())
    stamps.push_back(stamp_of(std::string(path.as_string())));
  if (!cache.empty() && runtime::make_directories(cache)) {
    // Without it the next start asks again.
    [[maybe_unused]] auto ignored = runtime::write_file(
        file, codec::write_json({{"version", kFactsVersion}, {"stamps", std::move(stamps)}, {"answer", *answer}}));
  }
  return facts;
}

Result<fs::path> find_spark_home(const runtime::Environment& environment, const PythonFacts& python) {
  const std::string set = variable(environment, "SPARK_HOME");
  if (!set.empty() && is_executable_file(fs::path(set) / "bin" / "spark-submit")) return fs::path(set);
  if (python.has_pyspark()) return python.pyspark_home;
  return Error{.code = ErrorCode::environment,
               .message = fmt::format(
                   "{} has no pyspark{}", python.executable.string(),
                   set.empty() ? std::string() : fmt::format(", and SPARK_HOME={} has no bin/spark-submit", set)),
               .hint = fmt::format("install it: {} -m pip install pyspark", python.executable.string())};
}

}  // namespace stoker::local
