package dev.postrider.routes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonMetaSchema;
import com.networknt.schema.JsonNodePath;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.NonValidationKeyword;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.ValidationMessage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.dsl.yaml.YamlRoutesBuilderLoader;

/**
 * Holds a file against the schema that Camel ships, and turns its dozens of messages about one mistake into one with a
 * line.
 */
final class SchemaRules {

    private static final String SCHEMA = "/schema/camelYamlDsl.json";
    /** Messages of these say only that none of the alternatives fits; the reasons are in the others. */
    private static final Set<String> COMBINATORS = Set.of("oneOf", "anyOf", "allOf", "not");

    private static final List<String> MOST_TELLING_FIRST =
            List.of("additionalProperties", "required", "enum", "pattern", "maxProperties", "type");

    private static final JsonSchema SCHEMA_OF_CAMEL = read();

    private static JsonSchema read() {
        try (InputStream in = YamlRoutesBuilderLoader.class.getResourceAsStream(SCHEMA)) {
            // "deprecated" of newer drafts stands in Camel's schema and would be warned about.
            JsonMetaSchema draft4 = JsonMetaSchema.builder(JsonMetaSchema.getV4())
                    .keyword(new NonValidationKeyword("deprecated"))
                    .build();
            return JsonSchemaFactory.builder()
                    .defaultMetaSchemaIri(draft4.getIri())
                    .metaSchema(draft4)
                    .build()
                    // Cached, Camel's references into one another become 250 MB, for nothing.
                    .getSchema(
                            in,
                            SchemaValidatorsConfig.builder().cacheRefs(false).build());
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + SCHEMA + " of camel-yaml-dsl", e);
        }
    }

    List<Finding> check(RouteDocument document) {
        return document.isKamelet() ? checkTemplate(document) : checkRoutes(document);
    }

    private List<Finding> checkRoutes(RouteDocument document) {
        if (!document.root().isList()) {
            return List.of(Finding.at(
                    document.path(),
                    document.root(),
                    "a route file is a list: start the first line with '- ' as in '- route:'"));
        }
        List<Finding> findings = new ArrayList<>();
        List<YamlNode> items = document.root().items();
        for (YamlNode item : items) {
            JsonNode alone = JsonNodeFactory.instance.arrayNode().add(item.json());
            best(SCHEMA_OF_CAMEL.validate(alone)).ifPresent(message -> {
                List<String> path = path(message.getInstanceLocation(), 1);
                findings.add(finding(document.path(), item, path, message));
            });
        }
        return findings;
    }

    /** A kamelet's template has the shape of a route template that lacks its id. */
    private List<Finding> checkTemplate(RouteDocument document) {
        Optional<YamlNode> template = document.root().path("spec", "template");
        if (template.isEmpty() || !template.get().isMap()) {
            return List.of(Finding.at(
                    document.path(), document.root(), "a kamelet needs 'spec.template' with a 'from' in it"));
        }
        ObjectNode routeTemplate = (ObjectNode) template.get().json();
        routeTemplate.put("id", document.name());
        JsonNode wrapped = JsonNodeFactory.instance
                .arrayNode()
                .add(JsonNodeFactory.instance.objectNode().set("routeTemplate", routeTemplate));
        return best(SCHEMA_OF_CAMEL.validate(wrapped))
                .map(message ->
                        finding(document.path(), template.get(), path(message.getInstanceLocation(), 2), message))
                .stream()
                .toList();
    }

    /** The deepest message is about the value that is wrong, the others about the alternatives it was tried against. */
    private static Optional<ValidationMessage> best(Collection<ValidationMessage> messages) {
        List<ValidationMessage> reasons = messages.stream()
                .filter(message -> !COMBINATORS.contains(message.getType()))
                .toList();
        if (reasons.isEmpty()) {
            return messages.stream().max(Comparator.comparingInt(SchemaRules::depth));
        }
        return reasons.stream()
                .filter(message -> !isPlaceholder(message))
                .max(Comparator.comparingInt(SchemaRules::depth)
                        .thenComparing(SchemaRules::tellingness, Comparator.reverseOrder()));
    }

    private static int depth(ValidationMessage message) {
        return message.getInstanceLocation().getNameCount();
    }

    private static int tellingness(ValidationMessage message) {
        int index = MOST_TELLING_FIRST.indexOf(message.getType());
        return index < 0 ? MOST_TELLING_FIRST.size() : index;
    }

    /** {@code {{name}}} may stand for a number or a boolean: Camel resolves it, the schema cannot know. */
    private static boolean isPlaceholder(ValidationMessage message) {
        JsonNode value = message.getInstanceNode();
        return value != null && value.isTextual() && value.asText().startsWith("{{");
    }

    private static List<String> path(JsonNodePath location, int skip) {
        List<String> names = new ArrayList<>();
        for (int i = skip; i < location.getNameCount(); i++) {
            names.add(String.valueOf(location.getElement(i)));
        }
        return names;
    }

    private static Finding finding(String file, YamlNode start, List<String> path, ValidationMessage message) {
        YamlNode at = start;
        String name = "the file";
        for (String element : path) {
            if (at.isList()) {
                at = at.items().get(Integer.parseInt(element));
            } else {
                name = "'" + element + "'";
                at = at.get(element).orElse(at);
            }
        }
        boolean unknown = message.getType().equals("additionalProperties");
        YamlNode place = unknown ? at.get(message.getProperty()).orElse(at) : at;
        return Finding.at(file, place, explain(name, at, message));
    }

    private static String explain(String name, YamlNode at, ValidationMessage message) {
        return switch (message.getType()) {
            case "additionalProperties" -> unknownKey(name, message);
            case "required" -> name + " needs '" + message.getProperty() + "': add it";
            case "enum" ->
                name + " is '" + at.text() + "', which is not one of its values: write one of "
                        + message.getSchemaNode();
            case "type" -> name + ": " + message.getError() + hintOfQuotes(message);
            case "maxProperties" -> name + " holds several keys where one is allowed: start each with '- ' of its own";
            default -> name + ": " + message.getError();
        };
    }

    private static String unknownKey(String name, ValidationMessage message) {
        String key = message.getProperty();
        String hint = key.contains("-")
                ? "Camel's keys are camelCase: write '" + camelCase(key) + "'"
                : "correct its spelling, or look where it belongs";
        return "'" + key + "' is no key of " + name + "; " + hint;
    }

    private static String camelCase(String key) {
        StringBuilder out = new StringBuilder();
        for (String part : key.split("-")) {
            out.append(
                    out.isEmpty() || part.isEmpty() ? part : Character.toUpperCase(part.charAt(0)) + part.substring(1));
        }
        return out.toString();
    }

    private static String hintOfQuotes(ValidationMessage message) {
        JsonNode value = message.getInstanceNode();
        if (value != null && value.isObject() && value.size() == 1 && value.has("")) {
            return "; a {{placeholder}} stands in quotes";
        }
        boolean scalar = value != null && (value.isNumber() || value.isBoolean());
        return scalar ? ": put it in quotes, as \"" + value.asText() + "\"" : "";
    }
}
