#include "pipeline/step_templates.h"

#include <fmt/format.h>

#include "expression/value.h"

namespace stoker::pipeline {

using expression::CompiledValue;
using expression::Scope;
using expression::Template;

namespace {

// Calls visit(text) for each text of the body, the declared outputs and the environment that may hold expressions,
// always in the same order. Works on a const Step (to read) and on a copy (to fill in).
template <class StepType, class Visit>
void visit_body_texts(StepType& step, const Visit& visit) {
  std::visit(
      [&](auto& body) {
        if constexpr (requires { body.standard_input; }) {
          for (auto& text : body.run)
            visit(text);
          visit(body.script);
          visit(body.working_directory);
          visit(body.standard_input);
        } else if constexpr (requires { body.duration; }) {
          if (body.duration) visit(*body.duration);
          if (body.until) visit(*body.until);
          if (body.file) visit(*body.file);
        }
      },
      step.body);
  for (auto& output : step.outputs)
    visit(output.path);
  for (auto& [name, text] : step.environment)
    visit(text);
}

const json::object* manifest_of(const Step& step) {
  if (const auto* spark = std::get_if<SparkStep>(&step.body)) return &spark->manifest;
  if (const auto* resource = std::get_if<ResourceStep>(&step.body)) return &resource->manifest;
  return nullptr;
}

Error wrong_type(std::string_view what, std::string_view wanted, const json::value& value) {
  return {ErrorCode::evaluation,
          fmt::format("{} gives {}, not {}", what, expression::kind_name(expression::kind_of(value)), wanted),
          "",
          {},
          false};
}

Result<bool> boolean_of(const std::optional<Template>& text, std::string_view what, const Scope& scope) {
  auto value = text->evaluate(scope);
  if (!value) return std::move(value).error().with_context(std::string(what));
  if (!value->is_bool()) return wrong_type(what, "true or false", *value);
  return value->get_bool();
}

Result<json::object> object_of(const CompiledValue& compiled, std::string_view what, const Scope& scope) {
  auto value = compiled.evaluate(scope);
  if (!value) return std::move(value).error().with_context(std::string(what));
  return std::move(value->as_object());
}

// The reference to a secret that a text of `secrets` means: as it is written, or of a secret parameter.
Result<std::string> secret_of(const Template& text, const std::string& name, const Scope& scope) {
  auto value = text.evaluate(scope);
  if (!value) return std::move(value).error().with_context("secrets." + name);
  const json::value* reference = value->is_object() ? value->get_object().if_contains("$secret") : &*value;
  if (reference == nullptr || !reference->is_string()) return wrong_type("secrets." + name, "a secret", *value);
  return std::string(reference->get_string());
}

// Who reads a manifest knows texts, not bindings: a file or artifact becomes the path that it stands for.
Result<void> bindings_to_text(json::value& value, const Scope& scope) {
  if (auto* list = value.if_array()) {
    for (auto& item : *list)
      TRY(bindings_to_text(item, scope));
  } else if (auto* map = value.if_object()) {
    if (map->size() == 1 && (map->contains("$file") || map->contains("$table") || map->contains("$artifact"))) {
      TRY_ASSIGN(std::string text, scope.text_of(value));
      value = json::string(text);
      return {};
    }
    for (auto& member : *map)
      TRY(bindings_to_text(member.value(), scope));
  }
  return {};
}

}  // namespace

Result<StepTemplates> StepTemplates::parse(const Step& step) {
  StepTemplates result;
  if (step.when) {
    TRY_ASSIGN(result.when_, Template::parse(*step.when));
  }
  if (step.foreach) {
    TRY_ASSIGN(result.foreach_, CompiledValue::parse(step.foreach->items));
  }
  TRY_ASSIGN(result.inputs_, CompiledValue::parse(step.inputs));
  if (step.repeat) {
    TRY_ASSIGN(result.until_, Template::parse(step.repeat->until));
    TRY_ASSIGN(result.carry_, CompiledValue::parse(step.repeat->carry));
  }
  std::optional<Error> failed;
  visit_body_texts(step, [&](const std::string& text) {
    auto parsed = Template::parse(text);
    if (!parsed) {
      if (!failed) failed = std::move(parsed).error();
      return;
    }
    result.constant_body_ = result.constant_body_ && parsed->is_literal() && parsed->literal() == text;
    result.texts_.push_back(std::move(*parsed));
  });
  if (failed) return *failed;
  for (const auto& [name, text] : step.secrets) {
    TRY_ASSIGN(auto parsed, Template::parse(text));
    result.constant_body_ = result.constant_body_ && parsed.is_literal();
    result.secrets_.push_back(std::move(parsed));
  }
  if (const json::object* manifest = manifest_of(step)) {
    TRY_ASSIGN(result.manifest_, CompiledValue::parse(*manifest));
    result.constant_body_ = false;
  }
  return result;
}

Result<std::vector<expression::Reference>> step_references(const Step& step) {
  TRY_ASSIGN(const StepTemplates templates, StepTemplates::parse(step));
  return templates.references();
}

std::vector<expression::Reference> StepTemplates::references() const {
  std::vector<expression::Reference> all;
  const auto add_text = [&](const Template& text) {
    for (auto& reference : text.references())
      all.push_back(std::move(reference));
  };
  const auto add_value = [&](const CompiledValue& value) {
    for (auto& located : value.references())
      all.push_back(std::move(located.reference));
  };
  if (when_) add_text(*when_);
  if (foreach_) add_value(*foreach_);
  add_value(inputs_);
  if (until_) add_text(*until_);
  add_value(carry_);
  for (const Template& text : texts_)
    add_text(text);
  for (const Template& text : secrets_)
    add_text(text);
  add_value(manifest_);
  return all;
}

Result<bool> StepTemplates::condition(const Scope& scope) const {
  if (!when_) return true;
  return boolean_of(when_, "when", scope);
}

Result<bool> StepTemplates::until(const Scope& scope) const {
  return boolean_of(until_, "repeat.until", scope);
}

Result<json::array> StepTemplates::items(const Scope& scope) const {
  auto value = foreach_->evaluate(scope);
  if (!value) return std::move(value).error().with_context("foreach");
  if (value->is_array()) return std::move(value->get_array());
  if (expression::kind_of(*value) != expression::Kind::map) return wrong_type("foreach", "a list", *value);
  json::array items;
  for (const auto& [key, item] : expression::unwrap(*value).as_object())
    items.push_back(json::object{{"key", key}, {"value", item}});
  return items;
}

Result<json::object> StepTemplates::inputs(const Scope& scope) const {
  return object_of(inputs_, "inputs", scope);
}
Result<json::object> StepTemplates::carry(const Scope& scope) const {
  return object_of(carry_, "repeat.carry", scope);
}

Result<std::shared_ptr<const Step>> StepTemplates::body(std::shared_ptr<const Step> step, const Scope& scope) const {
  if (constant_body_) return step;
  auto filled = std::make_shared<Step>(*step);
  std::optional<Error> failed;
  std::size_t next = 0;
  visit_body_texts(*filled, [&](std::string& text) {
    auto value = texts_[next++].evaluate_text(scope);
    if (value) {
      text = std::move(*value);
    } else if (!failed) {
      failed = std::move(value).error();
    }
  });
  if (failed) return *failed;
  next = 0;
  for (auto& [name, reference] : filled->secrets) {
    TRY_ASSIGN(reference, secret_of(secrets_[next++], name, scope));
  }
  if (manifest_of(*filled) != nullptr) {
    TRY_ASSIGN(json::object manifest, object_of(manifest_, "manifest", scope));
    for (auto& member : manifest)
      TRY(bindings_to_text(member.value(), scope));
    if (auto* spark = std::get_if<SparkStep>(&filled->body)) {
      spark->manifest = std::move(manifest);
    } else {
      std::get<ResourceStep>(filled->body).manifest = std::move(manifest);
    }
  }
  return std::shared_ptr<const Step>(std::move(filled));
}

}  // namespace stoker::pipeline
