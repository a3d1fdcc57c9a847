#include "cli/completion.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/command_line.h"

namespace stoker::cli {

namespace {

// For a `case`: per verb the words that may follow it; the verb's path is its words joined by a space.
std::string word_cases() {
  std::string text;
  for (const auto& node : completion_nodes()) {
    auto words = node.verbs;
    words.insert(words.end(), node.values.begin(), node.values.end());
    for (const auto& flag : node.flags)
      words.push_back(flag.name);
    text += fmt::format("    \"{}\") words=\"{}\" ;;\n", node.name, join(words, " "));
  }
  return text;
}

// For a `case` over "path flag": the values of a flag that takes one; no words means a file.
std::string value_cases() {
  std::string text;
  for (const auto& node : completion_nodes()) {
    for (const auto& flag : node.flags) {
      if (flag.takes_value)
        text += fmt::format("    \"{} {}\") words=\"{}\" ;;\n", node.name, flag.name, join(flag.values, " "));
    }
  }
  return text;
}

// The functions that bash and zsh share: what may follow a verb, and what a flag takes. They fail for what is none.
std::string shared_functions() {
  return R"(_stoker_words() {
  local words
  case $1 in
)" + word_cases() +
         R"(    *) return 1 ;;
  esac
  echo "$words"
}
_stoker_values() {
  local words
  case $1 in
)" + value_cases() +
         R"(    *) return 1 ;;
  esac
  echo "$words"
}
)";
}

std::string bash_script() {
  return R"(# bash completion of stoker. Use: source <(stoker completion bash)
_stoker() {
  local current="${COMP_WORDS[COMP_CWORD]}" path="" words="" word before="${COMP_WORDS[COMP_CWORD-1]}"
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word != -* ]] && _stoker_words "${path:+$path }$word" >/dev/null; then path="${path:+$path }$word"; fi
  done
  if ! words=$(_stoker_values "$path $before"); then words=$(_stoker_words "$path"); fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ ${#COMPREPLY[@]} -eq 0 && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
)" + shared_functions() +
         "complete -F _stoker stoker\n";
}

std::string zsh_script() {
  return R"(#compdef stoker
# zsh completion of stoker. Use: stoker completion zsh > "${fpath[1]}/_stoker", or source <(stoker completion zsh)
_stoker() {
  local stoker_path="" word found
  for word in ${(@)words[2,CURRENT-1]}; do
    [[ $word == -* ]] && continue
    if _stoker_words "${stoker_path:+$stoker_path }$word" >/dev/null; then stoker_path="${stoker_path:+$stoker_path }$word"; fi
  done
  found=$(_stoker_values "$stoker_path ${words[CURRENT-1]}") || found=$(_stoker_words "$stoker_path")
  compadd -- ${=found}
  _files
}
)" + shared_functions() +
         R"(if [[ ${funcstack[1]} == _stoker ]]; then _stoker "$@"; else compdef _stoker stoker; fi
)";
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? "\\'" : std::string(1, c);
  return out + "'";
}

std::string fish_script() {
  std::string text = "# fish completion of stoker. Use: stoker completion fish | source\n";
  const auto nodes = completion_nodes();
  for (const auto& node : nodes) {
    std::string condition = node.name.empty() ? "__fish_use_subcommand" : "";
    for (const auto& word : node.name.empty() ? std::vector<std::string>() : split(node.name, ' '))
      condition += (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
    // A group offers its verbs until one of them stands there.
    if (!node.name.empty() && !node.verbs.empty())
      condition += "; and not __fish_seen_subcommand_from " + join(node.verbs, " ");
    for (const auto& verb : node.verbs) {
      const auto path = node.name.empty() ? verb : node.name + " " + verb;
      const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const auto& each) { return each.name == path; });
      text += fmt::format("complete -c stoker -f -n '{}' -a {} -d {}\n", condition, verb, quoted(found->help));
    }
    for (const auto& value : node.values)
      text += fmt::format("complete -c stoker -f -n '{}' -a {}\n", condition, value);
    for (const auto& flag : node.flags) {
      text += fmt::format("complete -c stoker -n '{}' -l {} -d {}", condition, flag.name.substr(2), quoted(flag.help));
      if (flag.takes_value) text += flag.values.empty() ? " -r" : fmt::format(" -x -a '{}'", join(flag.values, " "));
      text += "\n";
    }
  }
  return text;
}

}  // namespace

Result<std::string> completion_script(const std::string& shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  if (shell == "fish") return fish_script();
  return Error{.code = ErrorCode::usage,
               .message = "no completion for \"" + shell + "\"",
               .hint = "bash, zsh and fish are known"};
}

}  // namespace stoker::cli
