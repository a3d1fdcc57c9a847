// Any bytes as a pipeline document: diagnostics that have a place, or a document that reads back as the same from what
// the store keeps.
#include "fuzz.h"
#include "pipeline/graph.h"
#include "pipeline/validate.h"

namespace {

using namespace stoker;

// Every file that a document names is this one.
Result<std::string> any_file(const std::string& path) {
  if (path.ends_with("none")) return Error{.code = ErrorCode::not_found, .message = "no such file"};
  if (path.ends_with("p"))
    return std::string("{apiVersion: stoker.dev/v1beta1, kind: Pipeline, name: p, pipelines: {q: q.p}, steps: []}");
  return std::string(
      "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, spec: {arguments: [\"${{ parameters.a "
      "}}\"]}}");
}

}  // namespace

STOKER_FUZZ_TARGET(document) {
  const auto loaded = pipeline::check_document(std::string(data), "a.yaml", {.read_file = any_file});
  STOKER_FUZZ_CHECK(loaded.document.has_value() == loaded.diagnostics.empty());
  for (const auto& diagnostic : loaded.diagnostics.sorted()) {
    STOKER_FUZZ_CHECK(diagnostic.mark.line > 0 && diagnostic.mark.column > 0 && !diagnostic.message.empty());
  }
  if (!loaded.document) return;
  STOKER_FUZZ_CHECK(pipeline::make_graph(loaded.document->main.steps).find_cycle().empty());
  const auto again = pipeline::load_document(loaded.document->source, "a.json");
  STOKER_FUZZ_CHECK(again.ok() && again->digest == loaded.document->digest);
}
