"""Renders a template of infra/cloudformation as CloudFormation would, and prints policies and parameters as JSON.

    python render.py TEMPLATE < INPUT

INPUT is `{"account": "111111111111", "partition": "aws", "parameters": {"Environment1": "dev", …}}`. The script knows
the functions that the templates use (CloudFormation Template Reference, "Intrinsic functions" and "Rule functions").
Any other function, an unknown parameter, a value that is not allowed and a rule that does not hold are errors.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

import yaml

_NO_VALUE = object()
_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads `!Sub x` as `{"Fn::Sub": x}`."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)


class Refused(Exception):
    """An input that CloudFormation would refuse."""


def _parameters(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Returns the values of all parameters: those given, else their defaults."""
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        raise Refused(f"the template takes no parameters {unknown}")
    values: dict[str, Any] = {}
    for name, parameter in declared.items():
        text = given.get(name, parameter.get("Default"))
        if text is None:
            raise Refused(f"{name} has no default and is not given")
        listed = parameter["Type"] == "CommaDelimitedList"
        elements = [element.strip() for element in text.split(",")] if listed else [text]
        for element in elements:
            if not re.fullmatch(parameter.get("AllowedPattern", ".*"), element):
                raise Refused(f"{name} {parameter['ConstraintDescription']}: {element!r}")
        if text not in parameter.get("AllowedValues", [text]):
            raise Refused(f"{name} is none of {parameter['AllowedValues']}: {text!r}")
        values[name] = elements if listed else text
    return values


class Stack:
    """A template with the values of its parameters."""

    def __init__(self, template: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        partition = given.get("partition", "aws")
        self._conditions = template["Conditions"]
        self._resources = template["Resources"]
        self._names = _parameters(template["Parameters"], given["parameters"]) | {
            "AWS::AccountId": given["account"],
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": partition,
            "AWS::URLSuffix": _SUFFIXES.get(partition, "amazonaws.com"),
        }
        for rule in template.get("Rules", {}).values():
            for assertion in rule["Assertions"] if self._value(rule["RuleCondition"]) else []:
                if not self._value(assertion["Assert"]):
                    raise Refused(assertion["AssertDescription"])

    def properties(self, kind: str) -> dict[str, Any] | None:
        """Returns the properties of the one resource of this kind, or None if none is made."""
        of_kind = [declared for declared in self._resources.values() if declared["Type"] == kind]
        if not of_kind:
            return None
        (declared,) = of_kind
        made = "Condition" not in declared or self._holds(declared["Condition"])
        return self._value(declared["Properties"]) if made else None

    def _holds(self, condition: str) -> bool:
        return self._value(self._conditions[condition])

    def _value(self, node: Any) -> Any:
        """Returns a part of the template with its functions evaluated."""
        if isinstance(node, list):
            return [value for value in map(self._value, node) if value is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._function(name, argument)
        values = {key: self._value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not _NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        match name, argument:
            case "Ref", str() if argument in self._resources:
                return {"Ref": argument}
            case "Ref", str():
                return self._names[argument]
            case "Condition", str():
                return self._holds(argument)
            case "Fn::If", [condition, then, otherwise]:
                return self._value(then if self._holds(condition) else otherwise)
            case "Fn::Sub", str():
                return self._substituted(argument, {})
            case "Fn::Sub", [text, more]:
                return self._substituted(text, self._value(more))
        match name, self._value(argument):
            case "Fn::And", [*conditions]:
                return all(conditions)
            case "Fn::Or", [*conditions]:
                return any(conditions)
            case "Fn::Not", [condition]:
                return not condition
            case "Fn::Equals", [left, right]:
                return left == right
            case "Fn::EachMemberEquals", [elements, one]:
                return all(element == one for element in elements)
            case "Fn::Join", [delimiter, parts]:
                return delimiter.join(parts)
            case "Fn::Split", [delimiter, text]:
                return text.split(delimiter)
            case "Fn::Select", [index, elements]:
                return elements[int(index)]
        raise Refused(f"{name} of {argument!r} is not known here")

    def _substituted(self, text: str, more: Mapping[str, Any]) -> str:
        names = self._names | more

        def named(match: re.Match[str]) -> str:
            value = names[match[1]]
            if not isinstance(value, str):
                raise Refused(f"{match[1]} in {text!r} is no text")
            return value

        return re.sub(r"\$\{([^!}][^}]*)\}", named, text)


def rendered(stack: Stack) -> dict[str, Any]:
    """Returns the policies by their names in the module's output `policies`, and the resources' other properties."""
    role = stack.properties("AWS::IAM::Role")
    boundary = stack.properties("AWS::IAM::ManagedPolicy")
    (permissions,) = role.pop("Policies")
    trust = role.pop("AssumeRolePolicyDocument")
    # IAM takes a policy as text, too.
    trust = json.loads(trust) if isinstance(trust, str) else trust
    policies = {"permissions": permissions["PolicyDocument"], "trust": trust}
    if boundary:
        policies["execution_boundary"] = boundary.pop("PolicyDocument")
    profile = stack.properties("AWS::IAM::InstanceProfile")
    return {"policies": policies, "role": role, "boundary": boundary, "profile": profile}


def main() -> None:
    (path,) = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        template = yaml.load(file, _Loader)
    try:
        made = rendered(Stack(template, json.load(sys.stdin)))
    except Refused as refused:
        sys.exit(str(refused))
    json.dump({"parameters": template["Parameters"], **made}, sys.stdout)


if __name__ == "__main__":
    main()
