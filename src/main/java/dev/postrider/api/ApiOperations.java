package dev.postrider.api;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.postrider.tenancy.EnteredWorkspace;
import dev.postrider.tenancy.WorkspaceTransactionPolicy;
import io.swagger.v3.oas.models.OpenAPI;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.component.platform.http.springboot.PlatformHttpMessage;
import org.apache.camel.component.rest.openapi.DefaultRestOpenapiProcessorStrategy;
import org.apache.camel.support.processor.RestBindingAdvice;
import org.springframework.http.ContentDisposition;
import org.springframework.http.HttpHeaders;
import org.springframework.util.MultiValueMap;
import org.springframework.web.util.UriComponentsBuilder;
import org.springframework.web.util.UriUtils;

/**
 * Calls the route of an API operation with a request that fits the contract, and answers with what it leaves.
 *
 * <p>The route {@code direct:<operationId>} sees no header of the caller. It finds the exchange properties
 * {@code workspaceId}, {@code actor}, and {@code request}: one JSON object with the path's, the query's and the body's
 * fields. It leaves the answer's JSON text as body, or a file's bytes with the properties {@code contentType} and {@code
 * fileName}; nothing means 404. An exception becomes a problem document.
 */
final class ApiOperations extends DefaultRestOpenapiProcessorStrategy {

    private static final ObjectMapper JSON = new ObjectMapper()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{([^}]+)}");

    private final Contract contract;
    private final ProblemWriter problems;
    private final long maximumPayload;

    ApiOperations(Contract contract, ProblemWriter problems, long maximumPayload) {
        this.contract = contract;
        this.problems = problems;
        this.maximumPayload = maximumPayload;
    }

    @Override
    public boolean process(
            OpenAPI openApi,
            io.swagger.v3.oas.models.Operation operation,
            String verb,
            String path,
            RestBindingAdvice binding,
            Exchange exchange,
            AsyncCallback callback) {
        String id = operation.getOperationId();
        try {
            prepare(exchange, contract.operation(id), verb, pathTemplate(openApi, operation));
        } catch (ProblemException e) {
            problems.write(e.problem(), exchange);
            callback.done(true);
            return true;
        }
        io.swagger.v3.oas.models.Operation called = exchange.getProperty("idempotencyKey") == null
                ? operation
                : new io.swagger.v3.oas.models.Operation().operationId("idempotentRequest");
        return super.process(openApi, called, verb, path, binding, exchange, doneSync -> {
            answer(exchange, contract.operation(id));
            callback.done(doneSync);
        });
    }

    private void prepare(Exchange exchange, Contract.Operation operation, String verb, String template) {
        HttpServletRequest request =
                exchange.getMessage(PlatformHttpMessage.class).getRequest();
        Caller caller = (Caller) request.getAttribute(ApiKeyFilter.CALLER);
        authorize(caller, operation.roles());
        ObjectNode fields = JSON.createObjectNode();
        readBody(request, operation, fields);
        readParameters(request, operation, template, fields);
        String key = request.getHeader("Idempotency-Key");

        Message message = exchange.getMessage();
        message.removeHeaders("*");
        message.setBody(null);
        EnteredWorkspace.set(exchange, caller.workspaceId().toString());
        exchange.setProperty(WorkspaceTransactionPolicy.ACTOR, caller.actor());
        exchange.setProperty("operationId", operation.id());
        exchange.setProperty("success", operation.success());
        exchange.setProperty("request", fields.toString());
        exchange.setProperty("requestUrl", request.getRequestURL().toString());
        if (key != null && verb.equalsIgnoreCase("POST")) {
            if (key.isBlank() || key.length() > 255) {
                throw ProblemException.field("Idempotency-Key", "has to have 1 to 255 characters");
            }
            exchange.setProperty("idempotencyKey", key);
            exchange.setProperty("requestHash", ApiKeys.hash(operation.id() + " " + fields));
        }
    }

    private static void authorize(Caller caller, Set<String> roles) {
        if (caller.operator()) {
            if (!roles.contains("operator")) {
                throw ProblemException.of(403, "An operator's key opens no workspace; use a key of the workspace.");
            }
        } else if (roles.equals(Set.of("operator"))) {
            throw ProblemException.of(403, "This is for operators; the key belongs to a workspace.");
        } else if (roles.stream().noneMatch(caller::may)) {
            throw ProblemException.of(403, "The key lacks the scope %s.".formatted(scopes(roles)));
        }
    }

    private static String scopes(Set<String> roles) {
        return roles.stream().filter(role -> !role.equals("operator")).collect(Collectors.joining(" or "));
    }

    private void readBody(HttpServletRequest request, Contract.Operation operation, ObjectNode fields) {
        byte[] body = (byte[]) request.getAttribute(ApiKeyFilter.BODY);
        if (operation.body().isEmpty()) {
            if (body.length > 0) {
                throw ProblemException.of(400, "This operation takes no body.");
            }
            return;
        }
        String type = request.getContentType();
        if (type == null || !type.toLowerCase(java.util.Locale.ROOT).startsWith("application/json")) {
            throw ProblemException.of(415, "The body has to be JSON: send \"Content-Type: application/json\".");
        }
        JsonNode parsed = parse(body);
        List<Problem.Field> errors = Contract.validate(operation.body().get(), parsed, "");
        if (!errors.isEmpty()) {
            throw invalid(errors);
        }
        if (parsed instanceof ObjectNode one) {
            checkPayload(one, "payload");
            fields.setAll(one);
        } else {
            for (int i = 0; i < parsed.size(); i++) {
                checkPayload(parsed.get(i), i + ".payload");
            }
            fields.set("items", parsed);
        }
    }

    private void checkPayload(JsonNode body, String field) {
        if (body.path("payload").toString().getBytes(StandardCharsets.UTF_8).length > maximumPayload) {
            throw new ProblemException(Problem.of(
                    413,
                    "%s: is larger than %d bytes (postrider.limits.payload)".formatted(field, maximumPayload),
                    List.of(new Problem.Field(field, "is too large"))));
        }
    }

    private static JsonNode parse(byte[] body) {
        try {
            JsonNode parsed = JSON.readTree(body);
            if (!parsed.isContainerNode()) {
                throw ProblemException.field("body", "has to be a JSON object");
            }
            return parsed;
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null
                    ? ""
                    : " at line %d, column %d"
                            .formatted(
                                    e.getLocation().getLineNr(), e.getLocation().getColumnNr());
            throw ProblemException.field("body", "is not valid JSON%s: %s".formatted(where, e.getOriginalMessage()));
        } catch (IOException e) {
            throw ProblemException.field("body", "was not read");
        }
    }

    private static void readParameters(
            HttpServletRequest request, Contract.Operation operation, String template, ObjectNode fields) {
        List<Problem.Field> errors = new ArrayList<>();
        MultiValueMap<String, String> query = UriComponentsBuilder.newInstance()
                .query(request.getQueryString())
                .build()
                .getQueryParams();
        query.forEach((name, values) -> {
            Contract.Parameter parameter = operation.parameters().get(name);
            if (parameter == null || !parameter.in().equals("query")) {
                errors.add(new Problem.Field(name, "is not known here"));
            } else {
                String value = values.get(values.size() - 1);
                errors.addAll(read(name, parameter, value == null ? "" : decodeQuery(value), fields));
            }
        });
        Map<String, String> path = pathValues(template, request.getRequestURI());
        path.forEach(
                (name, value) -> errors.addAll(read(name, operation.parameters().get(name), decode(value), fields)));
        if (!errors.isEmpty()) {
            throw invalid(errors);
        }
        if (query.containsKey("from") && query.containsKey("to") && !isBefore(fields.get("from"), fields.get("to"))) {
            throw ProblemException.field("to", "is not later than from");
        }
    }

    private static boolean isBefore(JsonNode from, JsonNode to) {
        return OffsetDateTime.parse(from.asText()).isBefore(OffsetDateTime.parse(to.asText()));
    }

    private static List<Problem.Field> read(String name, Contract.Parameter parameter, String text, ObjectNode fields) {
        JsonNode value = JSON.getNodeFactory().textNode(text);
        if (!parameter.type().equals("string")) {
            try {
                value = JSON.readTree(text);
            } catch (JsonProcessingException e) {
                return List.of(new Problem.Field(name, "has to be of type " + parameter.type()));
            }
        }
        fields.set(name, value);
        return Contract.validate(parameter.schema(), value, name);
    }

    private static Map<String, String> pathValues(String template, String uri) {
        Map<String, String> values = new java.util.LinkedHashMap<>();
        List<String> names = new ArrayList<>();
        Matcher placeholders = PLACEHOLDER.matcher(template);
        while (placeholders.find()) {
            names.add(placeholders.group(1));
        }
        Matcher actual = Pattern.compile(".*" + PLACEHOLDER.matcher(template).replaceAll("([^/]+)"))
                .matcher(uri);
        if (actual.matches()) {
            for (int i = 0; i < names.size(); i++) {
                values.put(names.get(i), actual.group(i + 1));
            }
        }
        return values;
    }

    private static String pathTemplate(OpenAPI openApi, io.swagger.v3.oas.models.Operation operation) {
        return openApi.getPaths().entrySet().stream()
                .filter(path -> path.getValue().readOperations().contains(operation))
                .map(Map.Entry::getKey)
                .findFirst()
                .orElseThrow();
    }

    private static String decode(String text) {
        try {
            return UriUtils.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw ProblemException.field("path", "is not a valid URL encoding");
        }
    }

    private static String decodeQuery(String text) {
        return decode(text.replace("+", "%20"));
    }

    private static ProblemException invalid(List<Problem.Field> errors) {
        Problem.Field first = errors.get(0);
        return new ProblemException(Problem.of(400, "%s: %s".formatted(first.field(), first.message()), errors));
    }

    private void answer(Exchange exchange, Contract.Operation operation) {
        if (exchange.getException() != null) {
            problems.write(Problems.of(exchange.getException(), operation.id()), exchange);
            return;
        }
        Message answer = exchange.getMessage();
        Object body = answer.getBody();
        Integer status = exchange.getProperty("status", Integer.class);
        answer.removeHeaders("*");
        if (body == null && status == null) {
            problems.write(Problem.of(404, "There is no such thing in this workspace."), exchange);
            return;
        }
        int code = status == null ? operation.success() : status;
        answer.setHeader(Exchange.HTTP_RESPONSE_CODE, code);
        if (code == 204) {
            answer.setBody(null);
        } else {
            answer.setHeader(
                    Exchange.CONTENT_TYPE, exchange.getProperty("contentType", "application/json", String.class));
            String file = exchange.getProperty("fileName", String.class);
            if (file != null) {
                answer.setHeader(
                        HttpHeaders.CONTENT_DISPOSITION,
                        ContentDisposition.attachment()
                                .filename(file, StandardCharsets.UTF_8)
                                .build()
                                .toString());
            }
        }
    }
}
