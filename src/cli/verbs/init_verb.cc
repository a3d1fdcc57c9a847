#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "cli/output.h"
#include "cli/verbs/verbs.h"
#include "runtime/file.h"

namespace stoker::cli {

namespace {

struct ScaffoldFile {
  std::string_view path;
  std::string_view content;  // NAME stands for the pipeline's name
};

constexpr std::array<ScaffoldFile, 6> kScaffold = {{
    {"pipeline.py", R"("""NAME: a first pipeline. Run it with: stoker run pipeline.py"""

from typing import List, NamedTuple

from stoker import context, pipeline, step, when


class Parts(NamedTuple):
    train: List[float]
    test: List[float]


@step
def make_data(rows: int, seed: int = 7) -> List[float]:
    """Numbers around 10, the same for the same seed."""
    import random

    source = random.Random(seed)
    return [source.gauss(10.0, 2.0) for _ in range(rows)]


@step
def split(data: List[float], share: float = 0.8) -> Parts:
    cut = int(len(data) * share)
    return Parts(data[:cut], data[cut:])


@step
def fit(data: List[float]) -> float:
    return sum(data) / len(data)


@step
def evaluate(mean: float, data: List[float]) -> float:
    error = sum(abs(value - mean) for value in data) / len(data)
    context().log_metrics(mean=mean, error=error)
    return error


@step
def publish(mean: float) -> str:
    return f"the mean is {mean:.3f}"


@pipeline
def NAME(rows: int = 1000, good_enough: float = 2.0) -> None:
    parts = split(make_data(rows))
    mean = fit(parts.train)
    error = evaluate(mean, parts.test)
    with when(error < good_enough):
        publish(mean)


# A step on Spark has a session as its first parameter, and frames travel between steps as they are:
#
#   from pyspark.sql import DataFrame, SparkSession
#   from stoker import File, Spark
#
#   @step(spark=Spark())
#   def load(session: SparkSession, path: File) -> DataFrame:
#       return session.read.csv(str(path), header=True, inferSchema=True)

if __name__ == "__main__":
    print(NAME.run())
)"},
    {"tests/test_pipeline.py", R"("""Outside a pipeline a step is an ordinary function."""

from pipeline import Parts, fit, make_data, split


def test_data_is_the_same_for_the_same_seed() -> None:
    assert make_data(5) == make_data(5)


def test_split_keeps_every_row() -> None:
    assert split([1.0, 2.0, 3.0, 4.0, 5.0]) == Parts([1.0, 2.0, 3.0, 4.0], [5.0])


def test_fit_is_the_mean() -> None:
    assert fit([1.0, 2.0, 3.0]) == 2.0
)"},
    {"tests/conftest.py", R"(import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
)"},
    {"pyproject.toml", R"([project]
name = "NAME"
version = "0.1.0"
requires-python = ">=3.9"
dependencies = ["stoker"]
)"},
    {"README.md", R"(# NAME

    stoker run pipeline.py                  # run it; a second time every step comes from the cache
    stoker run pipeline.py --set rows=5000  # other parameters
    stoker runs show                        # steps, times, artifacts, metrics
    python -m pytest                        # the steps as ordinary functions
)"},
    {".gitignore", R"(.stoker/
__pycache__/
)"},
}};

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (text.empty() || text.size() > 63 || !letter(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// A pipeline's name from a folder's: "my-project 2" becomes my_project_2.
std::string name_from(std::string text) {
  for (auto& c : text) {
    if (!is_name(std::string("a") + c)) c = '_';
  }
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) text.insert(0, "pipeline_");
  return text.substr(0, 63);
}

// As a shell reads it back.
std::string shell_word(const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return is_name(std::string("a") + c) || c == '/' || c == '.' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
  });
  if (plain && !text.empty()) return text;
  std::string quoted = "'";
  for (const char c : text)
    quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string fill(std::string_view content, std::string_view name) {
  std::string out;
  constexpr std::string_view kMark = "NAME";
  for (std::size_t at = content.find(kMark); at != std::string_view::npos; at = content.find(kMark)) {
    const bool word = (at == 0 || !is_name(std::string("a") + content[at - 1]));
    out += content.substr(0, at);
    out += word ? name : kMark;
    content.remove_prefix(at + kMark.size());
  }
  return out += content;
}

}  // namespace

Result<int> run_init(const Program& program, const CommonOptions& common, const InitCommand& command) {
  const auto folder = (program.working_directory / command.directory).lexically_normal();
  auto base = folder.filename();
  if (base.empty()) base = folder.parent_path().filename();
  const auto name = command.name.value_or(name_from(base.string()));
  if (!is_name(name)) {
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("\"{}\" cannot be a pipeline's name", name),
                 .hint = "use letters, digits and underscores, starting with a letter: --name my_pipeline"};
  }
  std::error_code ignored;
  for (const auto& file : kScaffold) {
    if (std::filesystem::exists(folder / file.path, ignored)) {
      return Error{.code = ErrorCode::already_exists,
                   .message = fmt::format("{} exists", (folder / file.path).string()),
                   .hint = "choose another folder: stoker init my_project"};
    }
  }
  TRY(runtime::make_directories(folder, 0755));
  TRY(runtime::make_directories(folder / ".stoker"));
  for (const auto& file : kScaffold) {
    TRY(runtime::make_directories((folder / file.path).parent_path(), 0755));
    TRY(runtime::write_file(folder / file.path, fill(file.content, name), 0644));
  }
  if (common.json) {
    print_json(json::object{{"folder", folder.string()}, {"pipeline", name}});
    return 0;
  }
  const bool here = std::filesystem::equivalent(folder, program.working_directory, ignored);
  print(fmt::format("made {} with pipeline.py, tests and a store (.stoker)\nnext: {}stoker run pipeline.py\n",
                    folder.string(), here ? "" : fmt::format("cd {} && ", shell_word(command.directory))));
  return 0;
}

}  // namespace stoker::cli
