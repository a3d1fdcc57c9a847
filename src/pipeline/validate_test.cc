#include "pipeline/validate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "pipeline/graph.h"

namespace stoker::pipeline {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file || fs::is_directory(path))
    return Error{.code = ErrorCode::not_found, .message = "No such file or directory"};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> case_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(STOKER_TEST_DATA) / "documents")) {
    const auto extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".yaml" || extension == ".json")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The lines after "#! " at the end of a case, or of the file beside it.
std::string expectation(const fs::path& file, const std::string& text) {
  if (file.extension() == ".json") return read_file(file.string() + ".expected").value_or("");
  std::string expected;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#! ")) expected += line.substr(3) + "\n";
  }
  return expected;
}

// The document of a case, without what is expected of it.
std::string document_of(const std::string& text) {
  std::string kept;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("#! ")) kept += line + "\n";
  }
  return kept;
}

void update(const fs::path& file, const std::string& text, const std::string& actual) {
  if (file.extension() == ".json") {
    std::ofstream(file.string() + ".expected") << actual;
    return;
  }
  std::string kept = document_of(text);
  std::istringstream wanted(actual);
  for (std::string line; std::getline(wanted, line);)
    kept += "#! " + line + "\n";
  std::ofstream(file) << kept;
}

std::string diagnose(const fs::path& file, const std::string& text) {
  LoadOptions options{.directory = file.parent_path().string(), .read_file = read_file};
  options.program_version = "0.1.0";
  const auto loaded = check_document(text, file.filename().string(), options);
  return loaded.document ? "valid\n" : loaded.diagnostics.text() + "\n";
}

// How to add a case: tests/data/documents/README.md.
TEST(Validate, EveryCaseSaysExactlyWhatIsExpected) {
  const auto files = case_files();
  EXPECT_GE(files.size(), 80U);
  for (const auto& file : files) {
    const auto text = read_file(file).value();
    const auto actual = diagnose(file, document_of(text));
    if (std::getenv("STOKER_UPDATE") != nullptr) {  // NOLINT(concurrency-mt-unsafe): nothing sets variables here
      update(file, text, actual);
    } else {
      EXPECT_EQ(actual, expectation(file, text)) << file.filename();
    }
  }
}

Document load(const std::string& text, const std::string& file = "/project/flow.yaml") {
  auto result = load_document(text, file, {.read_file = read_file});
  EXPECT_TRUE(result.ok()) << result.error().message;
  return result.ok() ? std::move(result).value() : Document{};
}

TEST(Validate, TheGoldenOfThisVersionReadsAndMeansTheSame) {
  const auto file = fs::path(STOKER_TEST_DATA) / "documents" / "golden" / "v1beta1.yaml";
  const auto document = load(read_file(file).value(), file);
  EXPECT_EQ(document.digest, read_file(file.string() + ".digest").value().substr(0, 64));
  // Read back from what the store keeps: the same document, without its files.
  const auto again = load_document(document.source, file).value();
  EXPECT_EQ(again.digest, document.digest);
  EXPECT_EQ(again.pipelines.size(), document.pipelines.size());
  for (const auto& [key, sub] : document.pipelines)
    EXPECT_EQ(again.pipelines.at(key).directory, sub.directory);
  EXPECT_TRUE(
      load_document(codec::write_json_pretty(document.source), "document.json", {.directory = file.parent_path()})
          .ok());
}

TEST(Validate, EverythingArrivesInTheStructs) {
  const auto file = fs::path(STOKER_TEST_DATA) / "documents" / "golden" / "v1beta1.yaml";
  const auto document = load(read_file(file).value(), file);
  const auto& main = document.main;
  EXPECT_EQ(main.name.str(), "everything");
  EXPECT_EQ(main.directory, file.parent_path());
  EXPECT_EQ(document.experiment, "tuning");
  EXPECT_EQ(document.annotations.at("team"), "data");
  EXPECT_EQ(main.parallelism, 4);
  EXPECT_EQ(main.timeout, std::chrono::hours(2));
  EXPECT_EQ(main.parameters.size(), 11U);
  const auto find = [&](std::string_view name) -> const Step& {
    for (const auto* steps : {&main.steps, &main.finally}) {
      for (const auto& step : *steps) {
        if (step.name.str() == name) return step;
      }
    }
    throw std::out_of_range(std::string(name));
  };
  const auto& train = find("train");
  const auto& python = std::get<PythonStep>(train.body);
  EXPECT_EQ(python.function, "train");
  EXPECT_TRUE(python.inject_session);
  EXPECT_EQ(python.session->at("executors"), 2);
  EXPECT_EQ(train.retry.attempts, 2);
  EXPECT_EQ(train.retry.backoff, std::chrono::seconds(10));
  EXPECT_EQ(train.retry.by_class.at(FailureClass::out_of_memory), 1);
  EXPECT_EQ(train.timeout, std::chrono::minutes(30));
  EXPECT_EQ(train.cache.maximum_age, std::chrono::hours(24 * 7));
  EXPECT_EQ(train.cache.extra_key, "2026");
  EXPECT_EQ(train.outputs.at(0).materializer, "stoker.materializers:Model");
  EXPECT_EQ(train.environment.at("THREADS"), "2");
  EXPECT_EQ(train.secrets.at("DB_PASSWORD"), "env:DB_PASSWORD");
  EXPECT_TRUE(find("flaky").continue_on_failure);
  EXPECT_EQ(find("tune").repeat->at_most, 10);
  EXPECT_EQ(find("search").foreach->parallelism, 4);
  EXPECT_EQ(std::get<PipelineStep>(find("search").body).pipeline, "fitting");
  EXPECT_EQ(std::get<CommandStep>(find("hello").body).interpreter, (std::vector<std::string>{"sh", "-eu"}));
  EXPECT_EQ(std::get<SparkStep>(find("pi").body).manifest.at("kind"), "SparkApplication");
  EXPECT_EQ(find("pi").outputs.at(0).source, OutputSource::log);
  EXPECT_EQ(document.pipelines.at("cleaning/inner").steps.size(), 1U);
  EXPECT_EQ(document.pipelines.at("from_file").directory, (file.parent_path() / "sub").string());
  EXPECT_EQ(std::get<PipelineStep>(document.pipelines.at("cleaning").steps.at(0).body).pipeline, "cleaning/inner");
}

TEST(Validate, DiagnosticsAreLimitedAndTheRestCounted) {
  std::string text = "apiVersion: stoker.dev/v1beta1\nkind: Pipeline\nname: a\nsteps:\n";
  for (int i = 0; i < 300; ++i)
    text += "  - {name: s" + std::to_string(i) + ", wait: {duration: 1}}\n";
  const auto loaded = check_document(text, "a.yaml");
  EXPECT_EQ(loaded.diagnostics.total(), 300U);
  const auto message = loaded.diagnostics.text();
  EXPECT_NE(message.find("a.yaml:54:"), std::string::npos);
  EXPECT_EQ(message.find("a.yaml:55:"), std::string::npos);
  EXPECT_TRUE(message.ends_with("and 250 more"));
}

TEST(Validate, ValuesWithoutATextNameAPointer) {
  const auto value = codec::parse_json(R"({"apiVersion": "stoker.dev/v1beta1", "kind": "Pipeline", "name": "a",
      "steps": [{"name": "b", "wait": {"duration": "5 m"}}]})")
                         .value();
  const auto error = load_document(value, "pipeline.py").error();
  EXPECT_EQ(error.code, ErrorCode::invalid_document);
  EXPECT_EQ(error.message,
            "pipeline.py: duration: \"5 m\" is not a duration: \" m\" is no unit (ms, s, m, h or d) (at "
            "/steps/0/wait/duration)");
}

TEST(Validate, EveryExampleIsValid) {
  const auto examples = fs::path(STOKER_TEST_DATA) / ".." / ".." / "examples";
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(examples)) {
    if (entry.path().filename() != "pipeline.yaml") continue;
    ++count;
    const auto loaded = check_document(read_file(entry.path()).value(), entry.path(), {.read_file = read_file});
    EXPECT_TRUE(loaded.document.has_value()) << loaded.diagnostics.text();
  }
  EXPECT_GE(count, 2);
}

TEST(Validate, ManyErrorsAreNotSlow) {
  std::string unknown = "apiVersion: stoker.dev/v1beta1\nkind: Pipeline\nname: a\nsteps:\n", circle = unknown;
  constexpr int kSteps = 20'000;
  for (int i = 0; i < kSteps; ++i) {
    unknown += fmt::format("- {{name: s{0}, wait: {{duration: 1s}}, needs: [t{0}]}}\n", i);
    circle += fmt::format("- {{name: s{}, wait: {{duration: 1s}}, needs: [s{}]}}\n", i, (i + 1) % kSteps);
  }
  const auto start = std::clock();
  EXPECT_EQ(check_document(unknown, "a.yaml").diagnostics.total(), static_cast<std::size_t>(kSteps));
  EXPECT_NE(check_document(circle, "a.yaml").diagnostics.text().find("(19980 more) -> s0"), std::string::npos);
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 60);  // for Debug and sanitizers; an hour without limits
}

TEST(Validate, AHundredThousandStepsAreRead) {
  std::string text =
      "apiVersion: stoker.dev/v1beta1\nkind: Pipeline\nname: a\nsteps:\n- {name: s0, command: {run: [echo]}}\n";
  constexpr int kSteps = 100'000;
  for (int i = 1; i < kSteps; ++i) {
    text += fmt::format("- {{name: s{0}, command: {{run: [echo, \"{1}\"]}}, needs: [s{1}]}}\n", i, i - 1);
  }
  const auto start = std::clock();
  EXPECT_EQ(load(text).main.steps.size(), static_cast<std::size_t>(kSteps));
  // Generous, for Debug and sanitizers; bench/ has the figure.
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 60);
}

}  // namespace
}  // namespace stoker::pipeline
