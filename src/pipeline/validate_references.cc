// Names that must exist, what an expression may use where it stands, sub-pipelines and their inputs.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/overloaded.h"
#include "base/strings.h"
#include "expression/type_check.h"
#include "pipeline/document_tree.h"
#include "pipeline/parameters.h"
#include "pipeline/schema.h"

namespace stoker::pipeline {

namespace {

using expression::Reference;
using expression::ReferenceKind;
using expression::Type;

// What may be used where an expression stands.
struct Site {
  const Step* step = nullptr;  // null: the pipeline's outputs
  bool final = false;
  bool item = false;                              // item and index
  bool iteration = false;                         // of a repeat
  bool outputs = false;                           // of the step itself: repeat
  std::string_view no_inputs = "outside a step";  // where the step's inputs are not known; empty: they are
  Type wanted = Type::any;
  std::string_view wanted_as;  // "a condition", when the text must be one whole expression
};

struct KnownStep {
  const Step* step = nullptr;
  bool final = false;
};

class PipelineCheck final : public expression::TypeScope {
 public:
  PipelineCheck(const PipelineNode& node, Reporter& reporter) : node_(node), reporter_(reporter) {
    for (const auto& parameter : node.pipeline.parameters)
      parameters_.emplace(parameter.name, &parameter);
    for (const auto& step : node.pipeline.steps)
      steps_.emplace(step.name.str(), KnownStep{&step, false});
    for (const auto& step : node.pipeline.finally)
      steps_.emplace(step.name.str(), KnownStep{&step, true});
  }

  void run() {
    const auto root = node_.root();
    check_steps(root, node_.pipeline.steps, node_.step_sites, false);
    check_steps(root, node_.pipeline.finally, node_.finally_sites, true);
    const auto* object = node_.value->if_object();
    const auto* outputs = object == nullptr ? nullptr : object->if_contains("outputs");
    if (outputs != nullptr) check_value(*node_.source, root.member("outputs", *outputs), {});
  }

  Type type_of(const Reference& reference) const override {
    if (reference.kind == ReferenceKind::parameter) {
      const auto it = parameters_.find(reference.name);
      if (it == parameters_.end()) return Type::any;
      const auto& parameter = *it->second;
      const bool may_be_null = !parameter.required && (!parameter.default_value || parameter.default_value->is_null());
      return may_be_null ? Type::any : expression::type_named(parameter_type_name(parameter.type));
    }
    if (reference.kind == ReferenceKind::step_output) {
      const auto it = steps_.find(reference.step);
      if (it == steps_.end()) return Type::any;
      return it->second.step->foreach ? Type::list : declared_type(*it->second.step, reference.name);
    }
    if (reference.kind == ReferenceKind::output && own_ != nullptr) return declared_type(*own_, reference.name);
    if (reference.kind == ReferenceKind::input && own_ != nullptr) return input_type(*own_, reference.name);
    return Type::any;
  }

 private:
  static Type declared_type(const Step& step, const std::string& name) {
    // The SDK's type names are its own.
    if (std::holds_alternative<PythonStep>(step.body)) return Type::any;
    for (const auto& output : step.outputs) {
      if (output.name == name) return expression::type_named(output.type);
    }
    return Type::any;
  }

  // What the document writes for the input, also in `repeat.carry`.
  Type input_type(const Step& step, const std::string& name) const {
    const json::value* given = step.inputs.if_contains(name);
    const json::value* carried = step.repeat ? step.repeat->carry.if_contains(name) : nullptr;
    if (given == nullptr || carried == nullptr) return written_type(given != nullptr ? given : carried);
    const Type type = written_type(given);
    return type == written_type(carried) ? type : Type::any;
  }

  Type written_type(const json::value* value) const {
    if (value == nullptr || value->is_null()) return Type::any;
    if (value->is_bool()) return Type::boolean;
    if (value->is_double()) return Type::floating;
    if (value->is_number()) return Type::integer;
    if (value->is_array()) return Type::list;
    if (const auto* map = value->if_object()) {
      // {"$file": …} and the like stand for something else.
      return map->size() == 1 && map->begin()->key().starts_with('$') ? Type::any : Type::map;
    }
    const auto read = expression::Template::read(value->get_string());
    const auto* parsed = std::get_if<expression::Template>(&read);
    std::vector<expression::Problem> reported_where_it_stands;
    return parsed == nullptr ? Type::any : check_types(*parsed, *this, reported_where_it_stands);
  }

  void check_steps(const JsonPath& root, const std::vector<Step>& steps, const std::vector<StepSite>& sites,
                   bool final) {
    if (steps.empty()) return;
    const auto& list = root.value->get_object().at(sites[0].member);
    const auto path = root.member(sites[0].member, list);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      check_step_at(steps[i], sites[i], path.element(sites[i].index, *sites[i].value), final);
    }
  }

  // Calls visit with the path of a member that exists.
  template <class Visit>
  static void with_member(const JsonPath& path, std::string_view key, const Visit& visit) {
    const auto* object = path.value->if_object();
    const auto* value = object == nullptr ? nullptr : object->if_contains(key);
    if (value != nullptr) visit(path.member(key, *value));
  }

  void check_step_at(const Step& step, const StepSite& where, const JsonPath& path, bool final) {
    const auto& source = *node_.source;
    Site site{.step = &step, .final = final, .no_inputs = "in when and in foreach: they come before the inputs"};
    with_member(path, "when", [&](const JsonPath& at) { check_value(source, at, condition(site)); });
    with_member(path, "foreach", [&](const JsonPath& at) { check_foreach(source, at, site); });
    site.item = step.foreach.has_value();
    site.iteration = step.repeat.has_value();
    site.no_inputs = "in inputs: one cannot be made from another";
    with_member(path, "inputs", [&](const JsonPath& at) { check_value(source, at, site); });
    site.no_inputs = "in secrets and labels";
    for (const std::string_view key : {"secrets", "labels"}) {
      with_member(path, key, [&](const JsonPath& at) { check_value(source, at, site); });
    }
    site.no_inputs = "";
    for (const std::string_view key : {"env", "command", "wait"}) {
      with_member(path, key, [&](const JsonPath& at) { check_value(source, at, site); });
    }
    for (const std::string_view key : {"spark", "resource"}) {
      with_member(path, key, [&](const JsonPath& at) {
        const auto* object = at.value->if_object();
        const auto* manifest = object == nullptr ? nullptr : object->if_contains("manifest");
        if (manifest != nullptr && manifest->is_object()) check_value(source, at, site);
        if (where.manifest_source != nullptr)
          check_value(*where.manifest_source, JsonPath{.value = &where.manifest_source->located.value}, site);
      });
    }
    with_member(path, "outputs", [&](const JsonPath& at) {
      for (const auto& output : step.outputs) {
        with_member(at, output.name, [&](const JsonPath& declared) {
          with_member(declared, "path", [&](const JsonPath& text) { check_value(source, text, site); });
        });
      }
    });
    site.outputs = true;
    with_member(path, "repeat", [&](const JsonPath& at) {
      with_member(at, "until", [&](const JsonPath& until) { check_value(source, until, condition(site)); });
      site.no_inputs = "in repeat.carry: give the value as an output, and carry that";
      with_member(at, "carry", [&](const JsonPath& carry) { check_value(source, carry, site); });
    });
    with_member(path, "needs", [&](const JsonPath& at) { check_needs(at, step, final); });
    with_member(path, "pipeline", [&](const JsonPath& at) { check_sub_pipeline(path, at, step, site); });
  }

  static Site condition(Site site) {
    site.wanted = Type::boolean;
    site.wanted_as = "a condition";
    return site;
  }

  void check_foreach(const Source& source, const JsonPath& path, Site site) {
    if (path.value->is_object()) {
      return with_member(path, "items", [&](const JsonPath& at) { check_foreach(source, at, site); });
    }
    if (path.value->is_string()) {
      site.wanted = Type::list;
      site.wanted_as = "a list";
    }
    check_value(source, path, site);
  }

  // Every text inside a value.
  void check_value(const Source& source, const JsonPath& path, const Site& site) {
    if (path.value->is_string()) return check_text(source, path, site);
    if (const auto* array = path.value->if_array()) {
      for (std::size_t i = 0; i < array->size(); ++i)
        check_value(source, path.element(i, (*array)[i]), site);
    } else if (const auto* object = path.value->if_object()) {
      for (const auto& member : *object)
        check_value(source, path.member(member.key(), member.value()), site);
    }
  }

  void check_text(const Source& source, const JsonPath& path, const Site& site) {
    const std::string_view text = path.value->get_string();
    const bool must_be_whole = !site.wanted_as.empty();
    if (!must_be_whole && text.find("${{") == std::string_view::npos) return;
    const auto read = expression::Template::read(text);
    if (const auto* problem = std::get_if<expression::Problem>(&read)) {
      return reporter_.inside(source, path, problem->offset, problem->error.message, problem->error.hint);
    }
    const auto& parsed = std::get<expression::Template>(read);
    if (must_be_whole && parsed.whole() == nullptr) {
      return reporter_.at_value(source, path,
                                fmt::format("{} must be one expression that gives {}", path.subject(), site.wanted_as),
                                parsed.is_literal() ? fmt::format("write {}: \"${{{{ {} }}}}\"", path.subject(), text)
                                                    : "write all of it inside one ${{ … }}");
    }
    bool known = true;
    for (const auto& reference : parsed.references())
      known = check_reference(source, path, site, reference) && known;
    if (known) check_type(source, path, site, parsed);
  }

  void check_type(const Source& source, const JsonPath& path, const Site& site, const expression::Template& parsed) {
    own_ = site.step;
    std::vector<expression::Problem> problems;
    const auto type = check_types(parsed, *this, problems);
    for (const auto& problem : problems)
      reporter_.inside(source, path, problem.offset, problem.error.message, problem.error.hint);
    if (problems.empty() && !may_be(type, site.wanted)) {
      reporter_.at_value(source, path,
                         fmt::format("{} must give {}, not {}", path.subject(), site.wanted_as, type_name(type)));
    }
  }

  // False: reported.
  bool check_reference(const Source& source, const JsonPath& path, const Site& site, const Reference& reference) {
    const auto fail = [&](std::string message, std::string hint = "") {
      reporter_.inside(source, path, reference.offset, std::move(message), std::move(hint));
      return false;
    };
    switch (reference.kind) {
      case ReferenceKind::parameter:
        return parameters_.contains(reference.name) || fail_unknown_parameter(reference.name, fail);
      case ReferenceKind::step_output:
      case ReferenceKind::step_state: return check_step_reference(site, reference, fail);
      case ReferenceKind::item:
      case ReferenceKind::index:
        if (site.item) return true;
        return fail(
            fmt::format("{} is known only in a step with foreach", reference.text()),
            site.step != nullptr && site.step->foreach ? "not in when and in foreach itself: they come before" : "");
      case ReferenceKind::iteration: return site.iteration || fail("iteration is known only in a step with repeat");
      case ReferenceKind::output:
        if (!site.outputs) return fail("outputs is known only in repeat", "write steps.NAME.outputs." + reference.name);
        return check_output(*site.step, reference.name, "this step", fail);
      case ReferenceKind::input:
        if (site.no_inputs.empty()) return check_input(*site.step, reference.name, fail);
        return fail(fmt::format("{} is not known {}", reference.text(), site.no_inputs),
                    "inputs are known in the texts of the step's body, its env and output paths, and in repeat.until");
      case ReferenceKind::run:
        if (reference.name != "state" || site.final) return true;
        return fail("run.state is known only in finally steps");
    }
    return true;
  }

  template <class Fail>
  bool fail_unknown_parameter(const std::string& name, const Fail& fail) {
    return fail(
        fmt::format("unknown parameter \"{}\"", name),
        reporter_.suggest(name, "the pipeline has no parameters", [&] { return names_of(node_.pipeline.parameters); }));
  }

  static std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
    std::vector<std::string> names;
    for (const auto& parameter : parameters)
      names.push_back(parameter.name);
    return names;
  }

  std::string hint_for_step(const std::string& name) {
    return reporter_.suggest(name, "", [&] {
      std::vector<std::string> names;
      for (const auto& step : node_.pipeline.steps)
        names.push_back(step.name.str());
      for (const auto& step : node_.pipeline.finally)
        names.push_back(step.name.str());
      return names;
    });
  }

  template <class Fail>
  bool check_step_reference(const Site& site, const Reference& reference, const Fail& fail) {
    const auto it = steps_.find(reference.step);
    if (it == steps_.end())
      return fail(fmt::format("unknown step \"{}\"", reference.step), hint_for_step(reference.step));
    if (it->second.final && !site.final) {
      return fail(fmt::format("\"{}\" is a finally step: it runs after this", reference.step));
    }
    if (reference.kind == ReferenceKind::step_state) {
      return site.final ||
             fail("the state of a step is known only in finally steps", "use needs for order, or its outputs");
    }
    return check_output(*it->second.step, reference.name, fmt::format("step \"{}\"", reference.step), fail);
  }

  template <class Fail>
  bool check_output(const Step& step, const std::string& name, const std::string& owner, const Fail& fail) {
    const auto* body = std::get_if<PipelineStep>(&step.body);
    const auto* sub = body == nullptr ? nullptr : node_.find(body->pipeline);
    if (body != nullptr && (sub == nullptr || !sub->known))
      return true;  // reported where the step or the sub-pipeline is
    const bool known = sub != nullptr
                           ? sub->pipeline.outputs.contains(name)
                           : std::any_of(step.outputs.begin(), step.outputs.end(),
                                         [&](const OutputDeclaration& output) { return output.name == name; });
    if (known) return true;
    return fail(fmt::format("{} has no output \"{}\"", owner, name), reporter_.suggest(name, "it has no outputs", [&] {
      std::vector<std::string> names;
      for (const auto& output : step.outputs)
        names.push_back(output.name);
      if (sub != nullptr) {
        for (const auto& output : sub->pipeline.outputs)
          names.emplace_back(output.key());
      }
      return names;
    }));
  }

  template <class Fail>
  bool check_input(const Step& step, const std::string& name, const Fail& fail) {
    if (step.inputs.contains(name) || (step.repeat && step.repeat->carry.contains(name))) return true;
    return fail(fmt::format("this step has no input \"{}\"", name),
                reporter_.suggest(name, "write it under inputs", [&] {
                  std::vector<std::string> names;
                  for (const auto& input : step.inputs)
                    names.emplace_back(input.key());
                  return names;
                }));
  }

  void check_needs(const JsonPath& path, const Step& step, bool final) {
    const auto* list = path.value->if_array();
    if (list == nullptr) return;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto* name = (*list)[i].if_string();
      if (name == nullptr || !format_problem("stoker-name", *name).empty()) continue;
      const auto at = path.element(i, (*list)[i]);
      const auto it = steps_.find(std::string_view(*name));
      if (it == steps_.end()) {
        const std::string text(*name);
        reporter_.at_value(*node_.source, at, fmt::format("unknown step \"{}\"", text), hint_for_step(text));
      } else if (it->second.final && !final) {
        reporter_.at_value(*node_.source, at,
                           fmt::format("\"{}\" is a finally step: it runs after this", step.needs[i].str()));
      }
    }
  }

  void check_sub_pipeline(const JsonPath& path, const JsonPath& at, const Step& step, const Site& site) {
    const auto* body = std::get_if<PipelineStep>(&step.body);
    if (body == nullptr || body->pipeline.empty()) return;
    const auto* sub = node_.find(body->pipeline);
    if (sub == nullptr) {
      return reporter_.at_value(*node_.source, at, fmt::format("unknown pipeline \"{}\"", body->pipeline),
                                reporter_.suggest(body->pipeline, "write it under pipelines", [&] {
                                  std::vector<std::string> names;
                                  for (const auto* node = &node_; node != nullptr; node = node->parent) {
                                    for (const auto& child : node->children)
                                      names.push_back(child.first);
                                  }
                                  return names;
                                }));
    }
    if (!sub->known) return;
    const auto& callee = callee_of(*sub);
    const auto check_names = [&](const JsonPath& inputs) {
      const auto* object = inputs.value->if_object();
      if (object == nullptr) return;
      for (const auto& member : *object) {
        const auto inner = inputs.member(member.key(), member.value());
        const auto parameter = callee.parameters.find(std::string_view(member.key()));
        if (parameter == callee.parameters.end()) {
          reporter_.at_key(
              *node_.source, inner, fmt::format("pipeline \"{}\" has no parameter \"{}\"", body->pipeline, inner.key),
              reporter_.suggest(inner.key, "it has no parameters", [&] { return names_of(sub->pipeline.parameters); }));
        } else {
          check_argument(inner, *parameter->second, site);
        }
      }
    };
    with_member(path, "inputs", check_names);
    with_member(path, "repeat", [&](const JsonPath& repeat) { with_member(repeat, "carry", check_names); });
    for (const auto* parameter : callee.required) {
      if (step.inputs.contains(parameter->name)) continue;
      if (reporter_.full()) return;
      reporter_.at_value(*node_.source, at,
                         fmt::format("pipeline \"{}\" needs the input \"{}\"", body->pipeline, parameter->name),
                         fmt::format("give it: inputs: {{{}: …}}", parameter->name));
    }
  }

  // The parameters of a sub-pipeline, found fast: many steps may call it.
  struct Callee {
    std::unordered_map<std::string_view, const Parameter*> parameters;
    std::vector<const Parameter*> required;
  };
  const Callee& callee_of(const PipelineNode& sub) {
    const auto [it, fresh] = callees_.try_emplace(&sub);
    if (fresh) {
      for (const auto& parameter : sub.pipeline.parameters) {
        it->second.parameters.emplace(parameter.name, &parameter);
        if (parameter.required) it->second.required.push_back(&parameter);
      }
    }
    return it->second;
  }

  static bool has_template(const json::value& value) {
    if (value.is_string()) return value.get_string().find("${{") != std::string_view::npos;
    if (const auto* array = value.if_array()) return std::any_of(array->begin(), array->end(), has_template);
    const auto* object = value.if_object();
    return object != nullptr &&
           std::any_of(object->begin(), object->end(), [](const auto& member) { return has_template(member.value()); });
  }

  // A value for a parameter of a sub-pipeline: constants are checked as --set would be, expressions by their type.
  void check_argument(const JsonPath& path, const Parameter& parameter, const Site& site) {
    if (!has_template(*path.value)) {
      if (auto problem = check_parameter(parameter, *path.value)) {
        reporter_.at_value(*node_.source, path, fmt::format("{} {}", parameter.name, problem.message),
                           std::move(problem.hint));
      }
      return;
    }
    if (!path.value->is_string() || !parameter.required) return;
    const auto read = expression::Template::read(path.value->get_string());
    const auto* parsed = std::get_if<expression::Template>(&read);
    if (parsed == nullptr) return;
    own_ = site.step;
    std::vector<expression::Problem> problems;
    const auto type = check_types(*parsed, *this, problems);
    if (problems.empty() && !may_be(type, expression::type_named(parameter_type_name(parameter.type)))) {
      reporter_.at_value(*node_.source, path,
                         fmt::format("{} must be of type {}, not {}", parameter.name,
                                     parameter_type_name(parameter.type), type_name(type)));
    }
  }

  const PipelineNode& node_;
  Reporter& reporter_;
  std::unordered_map<std::string_view, const Parameter*> parameters_;
  std::unordered_map<std::string_view, KnownStep> steps_;
  std::unordered_map<const PipelineNode*, Callee> callees_;
  const Step* own_ = nullptr;  // whose outputs `outputs` means, during a type check
};

}  // namespace

void check_references(DocumentTree& tree, Reporter& reporter) {
  for (const auto& node : tree.nodes) {
    if (!node.known) continue;
    PipelineCheck(node, reporter).run();
    check_cycles(node, reporter);
  }
  check_recursion(tree, reporter);
}

}  // namespace stoker::pipeline
