#include <fmt/format.h>
#include <unistd.h>

#include "cli/interpreter.h"
#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/verbs/doctor_finding.h"
#include "cli/verbs/verbs.h"
#include "cli/view/run_view.h"
#include "runtime/file.h"
#include "workers/installation.h"
#include "workers/pool_daemon.h"
#include "workers/spark_versions.h"

namespace stoker::cli {

namespace {

constexpr std::uint64_t kLowDiskBytes = std::uint64_t{2} << 30;
constexpr int kOldestPythonMinor = 9;

class Doctor {
 public:
  Doctor(const Program& program, const CommonOptions& common, const DoctorCommand& command)
      : program_(program), common_(common), command_(command) {}

  std::vector<Finding> examine() {
    add({"stoker", Verdict::good, STOKER_VERSION " at " + program_.executable.string(), ""});
    examine_python();
    examine_java();
    examine_store();
    return std::move(findings_);
  }

 private:
  void examine_python() {
    const auto interpreter = find_python(program_, command_.python, program_.working_directory);
    if (!interpreter.ok()) return add(bad("python", interpreter.error()));
    const auto sdk = program_.sdk_folder();
    if (!sdk.ok()) return add(bad("sdk", sdk.error()));
    const auto facts = inspect_python(program_, interpreter.value());
    if (!facts.ok()) return add(bad("python", facts.error()));
    const auto& python = facts.value();
    Finding finding{
        "python", Verdict::good,
        fmt::format("{} at {} ({})", python.version, interpreter.value().path.string(), interpreter.value().reason),
        ""};
    const auto dot = python.version.find('.');
    if (python.version.substr(0, dot) != "3" ||
        std::atoi(python.version.substr(dot + 1).c_str()) < kOldestPythonMinor) {
      finding.verdict = Verdict::problem;
      finding.advice = "Stoker needs Python 3.9 or newer; name another with --python";
    }
    add(std::move(finding));
    add({"sdk", Verdict::good,
         python.has_stoker ? "the interpreter has its own stoker package"
                           : "offered by the program from " + sdk.value().string(),
         ""});
    examine_spark(python);
  }

  void examine_spark(const local::PythonFacts& python) {
    const auto home = local::find_spark_home(program_.environment, python);
    if (!home.ok()) {
      return add({"spark", Verdict::advice, "no Spark: plain steps run, Spark steps do not",
                  "install it: " + python.executable.string() + " -m pip install pyspark"});
    }
    auto spark = workers::inspect_spark(home.value());
    if (!spark.ok()) return add(bad("spark", spark.error()));
    const auto version = workers::find_spark_version(spark.value());
    if (!version.ok()) return add(bad("spark", version.error()));
    add({"spark", Verdict::good, fmt::format("{} at {}", spark.value().version, home.value().string()), ""});
    spark_ = version.value();
  }

  void examine_java() {
    const auto java = workers::find_java(program_.environment);
    if (!java.ok()) {
      return add({"java", spark_ ? Verdict::problem : Verdict::advice,
                  java.error().describe() + "; Spark steps need it", java.error().hint});
    }
    if (spark_) {
      if (const auto fits = workers::check_java(*spark_, java.value()); !fits.ok())
        return add(bad("java", fits.error()));
    }
    add({"java", Verdict::good, fmt::format("{} at {}", java.value().version, java.value().executable.string()), ""});
    const auto paths = workers::PoolPaths::prepare(program_.environment);
    if (!paths.ok()) add(bad("workers", paths.error()));
  }

  void examine_store() {
    const auto location = find_store_location(common_, program_.working_directory);
    if (!location.ok()) return add(bad("store", location.error()));
    const auto& folder = location.value().folder;
    const auto where = fmt::format("{} ({})", folder.string(), metadata::location_source_text(location.value().source));
    std::error_code ignored;
    if (!std::filesystem::exists(folder / metadata::kDatabaseFile, ignored)) {
      add({"store", Verdict::good, where + ", made by the first run", ""});
    } else {
      examine_database(folder, where);
    }
    examine_disk(folder);
  }

  void examine_database(const std::filesystem::path& folder, const std::string& where) {
    const auto store = metadata::Store::open(folder, {.create = false});
    if (!store.ok()) return add(bad("store", store.error()));
    const auto problems = store.value()->check_integrity();
    if (!problems.ok()) return add(bad("store", problems.error()));
    if (problems.value().empty()) return add({"store", Verdict::good, where, ""});
    add({"store", Verdict::problem, where + " is damaged: " + problems.value(),
         "artifacts are not touched; move stoker.db (with its -wal and -shm) aside and a new one is made"});
  }

  void examine_disk(const std::filesystem::path& folder) {
    std::error_code ignored;
    auto parent = folder;
    while (!parent.empty() && parent != parent.root_path() && !std::filesystem::exists(parent, ignored))
      parent = parent.parent_path();
    const auto space = runtime::free_space(parent);
    if (!space.ok()) return add(bad("disk", space.error()));
    const bool low = space.value() < kLowDiskBytes;
    add({"disk", low ? Verdict::advice : Verdict::good,
         human_bytes(static_cast<double>(space.value())) + " free for the store",
         low ? "remove old runs: stoker gc --older-than 7d" : ""});
  }

  void add(Finding finding) { findings_.push_back(std::move(finding)); }

  const Program& program_;
  const CommonOptions& common_;
  const DoctorCommand& command_;
  std::vector<Finding> findings_;
  std::optional<workers::SparkVersion> spark_;  // that Spark steps would use
};

}  // namespace

Result<int> run_doctor(const Program& program, const CommonOptions& common, const DoctorCommand& command) {
  const auto findings =
      command.cluster ? examine_cluster(program, command) : Doctor(program, common, command).examine();
  const auto style = terminal_style(program, common, STDOUT_FILENO);
  bool broken = false;
  json::array list;
  for (const auto& finding : findings) {
    broken = broken || finding.verdict == Verdict::problem;
    const auto* verdict = finding.verdict == Verdict::good     ? "good"
                          : finding.verdict == Verdict::advice ? "advice"
                                                               : "problem";
    list.push_back(
        json::object{{"what", finding.what}, {"verdict", verdict}, {"text", finding.text}, {"advice", finding.advice}});
    if (common.json) continue;
    const auto colour = finding.verdict == Verdict::good     ? Colour::green
                        : finding.verdict == Verdict::advice ? Colour::yellow
                                                             : Colour::red;
    const auto* mark = finding.verdict == Verdict::good ? "✓" : finding.verdict == Verdict::advice ? "·" : "✗";
    print(paint({{mark, colour}, {fmt::format(" {:8} {}", finding.what, finding.text), Colour::plain}}, style) + "\n");
    if (!finding.advice.empty()) print("           " + finding.advice + "\n");
  }
  if (common.json) print_json(list);
  return broken ? exit_code(ErrorCode::environment) : 0;
}

}  // namespace stoker::cli
