package dev.postrider.tenancy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.postrider.tenancy.ApiDocument.Operation;
import dev.postrider.tenancy.ApiDocument.Place;
import dev.postrider.tenancy.TwoWorkspaces.Party;
import dev.postrider.testkit.Answer;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Makes valid calls of the API's operations out of one workspace's values, and sends them with the other one's key. */
final class ApiCalls {

    static final Pattern UUID = Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");

    /** Parameters that are named otherwise than the column whose values they take. */
    private static final Map<String, String> COLUMNS =
            Map.of("type", "event_type", "deadLetterIds", "dead_letter_id", "after", "task_id", "prefix", "name");

    /** @param values what of it names something, so that an answer may repeat it */
    record Call(Operation operation, String target, JsonNode body, List<String> headers, List<String> values) {}

    private final TwoWorkspaces both;
    private final ApiDocument document;

    ApiCalls(TwoWorkspaces both) {
        this.both = both;
        ObjectMapper json = new ObjectMapper();
        document = new ApiDocument(
                both.application.send(null, "GET", "/openapi.json", null).json(),
                Map.of(
                        "taskType", json.valueToTree(TwoWorkspaces.SHARED_TYPE),
                        "eventType", json.valueToTree("attack.made"),
                        "eventTypes", json.valueToTree(List.of("attack.unheard")),
                        "filter", json.valueToTree(Map.of("taskType", TwoWorkspaces.SHARED_TYPE)),
                        "provider", json.valueToTree("stripe"),
                        "secrets", json.valueToTree(List.of("whsec_of_the_attacker")),
                        "url", json.valueToTree(both.receiver.url())));
    }

    List<Operation> operations() {
        return document.operations();
    }

    /** A call whose path names what is the victim's. */
    Call ofTheVictims(Operation operation) {
        return call(operation, place -> victims(operation, place).stream().findFirst());
    }

    /** A call with one value in one place; what else is in the path is the victim's, or the attacker's own. */
    Call with(Operation operation, Place place, String value) {
        if (place.in().equals("path")) {
            return call(
                    operation,
                    other -> other.equals(place)
                            ? Optional.of(value)
                            : victims(operation, other).stream().findFirst());
        }
        // What is there can be read and changed many times; other calls do their work once, so nothing is there.
        boolean repeatable = operation.reads() || Set.of("PATCH", "PUT").contains(operation.method());
        Call call = call(
                operation,
                other -> values(both.attacker, other).stream()
                        .findFirst()
                        .map(own -> repeatable ? own : TwoWorkspaces.missing(own)));
        List<String> values =
                Stream.concat(call.values.stream(), Stream.of(value)).toList();
        return switch (place.in()) {
            case "query" -> withQuery(call, place.name(), value);
            case "header" -> new Call(operation, call.target, call.body, List.of(place.name(), value), values);
            case "body" -> {
                List<String> steps = Arrays.asList(place.pointer().substring(1).split("/"));
                yield new Call(operation, call.target, put(call.body, steps, value), List.of(), values);
            }
            default ->
                throw new AssertionError(
                        "operation %s takes %s, where the suite cannot put a value".formatted(operation.id(), place));
        };
    }

    Call withQuery(Call call, String name, String value) {
        List<String> values =
                Stream.concat(call.values.stream(), Stream.of(value)).toList();
        return new Call(
                call.operation, call.target + "?" + name + "=" + encoded(value), call.body, call.headers, values);
    }

    /** The same key makes a new request each time: what is looked for is another's answer, not one's own. */
    Answer send(Party party, Call call, String... headers) {
        both.everything.update("delete from postrider.idempotency_keys where workspace_id = ?", both.attacker.id());
        // A limit gets its name from the caller, who may take another's word for it: then it is the caller's own.
        for (String made : List.of(
                "task_limits where limit_key",
                "system_events where event_type = 'task-limit.changed' and payload::text")) {
            both.everything.update(
                    "delete from postrider.%s not like ? and workspace_id = ?".formatted(made),
                    "%" + both.attacker.words() + "%",
                    both.attacker.id());
        }
        return both.application.send(
                party.key(),
                call.operation.method(),
                call.target,
                call.body == null ? null : call.body.toString(),
                Stream.concat(call.headers.stream(), Arrays.stream(headers)).toArray(String[]::new));
    }

    /** The victim's values that fit a place. */
    List<String> victims(Operation operation, Place place) {
        if (place.name().equals("cursor")) {
            JsonNode cursor = both.application
                    .send(both.victim.key(), "GET", operation.path() + "?limit=1", null)
                    .json()
                    .path("nextCursor");
            return List.of(cursor.asText(both.victim.id().toString()));
        }
        return values(both.victim, place);
    }

    private List<String> values(Party party, Place place) {
        if (!place.takesWords()) {
            return List.of();
        }
        String column = place.name().replace('-', '_').replaceAll("(?<=[a-z])([A-Z])", "_$1");
        Pattern pattern = place.isId()
                ? UUID
                : Pattern.compile(place.schema().path("pattern").asText(""));
        return both.values(party, COLUMNS.getOrDefault(place.name(), column.toLowerCase(Locale.ROOT))).stream()
                .filter(value -> pattern.matcher(value).find())
                .toList();
    }

    private Call call(Operation operation, Function<Place, Optional<String>> choice) {
        String target = operation.path();
        List<String> values = new ArrayList<>();
        for (Place place : operation.places()) {
            if (place.in().equals("path")) {
                String value = choice.apply(place).orElse("unknown");
                values.add(value);
                target = target.replace("{" + place.name() + "}", encoded(value));
            }
        }
        JsonNode body = operation.body() == null ? null : document.example("", operation.body());
        return new Call(operation, target, body, List.of(), values);
    }

    /** A copy of a JSON tree with a text at a place, which is made if it is not there. */
    private static JsonNode put(JsonNode at, List<String> steps, String value) {
        if (steps.isEmpty()) {
            return JsonNodeFactory.instance.textNode(value);
        }
        String step = steps.get(0);
        List<String> rest = steps.subList(1, steps.size());
        if (step.equals("0")) {
            return JsonNodeFactory.instance.arrayNode().add(put(at.path(0), rest, value));
        }
        ObjectNode object = at.isObject() ? at.deepCopy() : JsonNodeFactory.instance.objectNode();
        object.set(step, put(at.path(step), rest, value));
        return object;
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
