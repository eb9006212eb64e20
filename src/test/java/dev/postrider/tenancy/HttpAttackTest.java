package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.postrider.tenancy.ApiCalls.Call;
import dev.postrider.tenancy.ApiDocument.Operation;
import dev.postrider.tenancy.ApiDocument.Place;
import dev.postrider.testkit.Answer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every operation of the OpenAPI document, called with one workspace's key and another one's ids and keys: the answer is
 * the same as for what does not exist, nothing of the other's is in it, and nothing of the other's changes.
 *
 * <p>A new operation or parameter is attacked without a word here; if the suite knows no victim's value for its id, a test
 * says so.
 */
class HttpAttackTest {

    /** What no answer shows to a tenant: how it is built inside. */
    private static final Pattern INSIDE =
            Pattern.compile("Exception|\\borg\\.|\\bjava\\.|postgres|ERROR:|SQLSTATE|postrider_");

    /** Differs from answer to answer: ids, times, and secrets that were just made. */
    private static final Pattern NEW = Pattern.compile(
            ApiCalls.UUID.pattern()
                    + "|\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d+Z|whsec_[A-Za-z0-9+/=]+|(?<=/webhooks/)[^/\"]+/[\\w-]+");

    private static final Set<String> OF_THE_CONNECTION = Set.of("date", "connection", "keep-alive");

    /** Names by which a caller could try to be somebody else: ours, Camel's, and what other systems use. */
    private static final List<String> SMUGGLED = List.of(
            "workspace",
            "workspaceId",
            "workspace_id",
            "X-Workspace-Id",
            "app.active_workspace",
            "actor",
            "request",
            "operationId",
            "sourceKey",
            "CamelSqlQuery",
            "CamelSqlParameters",
            "CamelHttpPath",
            "CamelHttpUri");

    private static TwoWorkspaces both;
    private static ApiCalls calls;
    private static Set<String> secrets;
    private static List<String> victimsRows;

    /** What the attacker has stored himself: he may see it again. */
    private static final Set<String> stored = new HashSet<>();

    @BeforeAll
    static void start() {
        both = new TwoWorkspaces();
        calls = new ApiCalls(both);
        secrets = both.secrets();
        victimsRows = both.victimsRows();
    }

    @AfterAll
    static void stop() {
        both.close();
    }

    @TestFactory
    Stream<DynamicTest> the_victim_itself_sees_what_is_hidden_from_others() {
        return calls.operations().stream()
                .filter(operation -> operation.reads() && !operation.operatorsOnly())
                .map(operation -> dynamicTest(operation.id(), () -> {
                    List<Place> ids = operation.places().stream()
                            .filter(place -> place.in().equals("path"))
                            .toList();
                    List<Call> candidates = ids.isEmpty()
                            ? List.of(calls.ofTheVictims(operation))
                            : calls.victims(operation, ids.get(0)).stream()
                                    .map(value -> calls.with(operation, ids.get(0), value))
                                    .toList();
                    assertThat(candidates).as(operation.id()).anySatisfy(call -> {
                        Answer answer = calls.send(both.victim, call);
                        assertThat(answer.status()).isEqualTo(200);
                        assertThat(answer.body()).contains(TwoWorkspaces.MARKER);
                    });
                }));
    }

    @TestFactory
    Stream<DynamicTest> what_is_not_yours_is_answered_like_what_is_not_there() {
        return calls.operations().stream()
                .flatMap(operation -> operation.places().stream().flatMap(place -> attacks(operation, place)));
    }

    private static Stream<DynamicTest> attacks(Operation operation, Place place) {
        List<String> values = calls.victims(operation, place);
        String name = operation.id() + " " + place;
        if (values.isEmpty() && (place.isId() || place.in().equals("path"))) {
            return Stream.of(dynamicTest(
                    name,
                    () -> fail(
                            "operation %s has id parameter %s that the suite knows no victim value for",
                            operation.id(), place)));
        }
        return values.stream().map(value -> dynamicTest(name + " = " + value, () -> attack(operation, place, value)));
    }

    private static void attack(Operation operation, Place place, String value) {
        String absent = TwoWorkspaces.missing(value);
        Call callForForeign = calls.with(operation, place, value);
        Call callForMissing = calls.with(operation, place, absent);
        Answer foreign = calls.send(both.attacker, callForForeign);
        Answer missing = calls.send(both.attacker, callForMissing);
        if (!operation.reads() && foreign.status() < 300) {
            stored.addAll(List.of(value, absent));
        }
        String what = "%s %s = %s: %s".formatted(operation.id(), place, value, foreign.body());
        assertThat(foreign.status())
                .as("%s: the suite makes no valid request", what)
                .isNotEqualTo(400);
        if (operation.operatorsOnly()) {
            assertThat(foreign.status()).as(what).isEqualTo(403);
        } else if (place.in().equals("path")
                && !operation.method().equals("PUT")) { // which makes one's own of that name
            assertThat(foreign.status()).as(what).isEqualTo(404);
        }
        assertThat(seen(foreign, callForForeign.values())).as(what).isEqualTo(seen(missing, callForMissing.values()));
        assertNothingLeaked(foreign, callForForeign.values(), what);
    }

    @TestFactory
    Stream<DynamicTest> headers_choose_no_workspace() {
        String[] headers = SMUGGLED.stream()
                .flatMap(name -> Stream.of(name, both.victim.id().toString()))
                .toArray(String[]::new);
        return calls.operations().stream()
                .map(operation -> dynamicTest(operation.id(), () -> {
                    Call call = calls.ofTheVictims(operation);
                    Answer plain = calls.send(both.attacker, call);
                    Answer smuggled = calls.send(both.attacker, call, headers);
                    assertThat(seen(smuggled, call.values())).as(operation.id()).isEqualTo(seen(plain, call.values()));
                    assertNothingLeaked(smuggled, call.values(), operation.id());
                }));
    }

    @TestFactory
    Stream<DynamicTest> query_parameters_choose_no_workspace_and_unknown_ones_are_refused() {
        return calls.operations().stream()
                .map(operation -> dynamicTest(operation.id(), () -> {
                    for (String name : SMUGGLED) {
                        Call call = calls.withQuery(
                                calls.ofTheVictims(operation),
                                name,
                                both.victim.id().toString());
                        Answer answer = calls.send(both.attacker, call);
                        String what = operation.id() + " " + name;
                        assertThat(answer.status()).as(what).isEqualTo(operation.operatorsOnly() ? 403 : 400);
                        assertNothingLeaked(answer, call.values(), what);
                    }
                }));
    }

    @TestFactory
    Stream<DynamicTest> a_webhook_belongs_to_its_source_whatever_it_says() {
        String foreignKey = both.victim.webhook().replaceFirst(".*/", "");
        return SMUGGLED.stream()
                .map(name -> dynamicTest(name, () -> {
                    for (String value : List.of(both.victim.id().toString(), foreignKey)) {
                        String event = "evt-" + name + value;
                        Answer answer = both.webhook(
                                both.attacker,
                                both.attacker.webhook() + "?" + name + "=" + value,
                                TwoWorkspaces.stripeEvent(event, "sub", 1),
                                name,
                                value);
                        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
                        assertThat(both.everything.queryForObject(
                                        "select count(*) from postrider.inbound_receipts where workspace_id = ? and event_id = ?",
                                        Integer.class,
                                        both.attacker.id(),
                                        event))
                                .isOne();
                        stored.add(event);
                        stored.add(value);
                        assertNothingLeaked(answer, List.of(value), name);
                    }
                }));
    }

    @Test
    void a_source_behind_another_provider_looks_like_no_source() {
        String foreign = both.victim.webhook().replace("stripe", "github");
        String body = TwoWorkspaces.stripeEvent("evt", "sub", 1);

        Answer behindAnother = both.webhook(both.victim, foreign, body);
        Answer nowhere = both.webhook(both.victim, TwoWorkspaces.missing(both.victim.webhook()), body);

        assertThat(behindAnother.status()).isEqualTo(404);
        assertThat(seen(behindAnother, List.of())).isEqualTo(seen(nowhere, List.of()));
        assertNothingLeaked(behindAnother, List.of(), foreign);
    }

    /** All that a caller can tell answers apart by, but for the values that he sent. */
    private static List<String> seen(Answer answer, List<String> sent) {
        List<String> seen = new ArrayList<>();
        seen.add("status " + answer.status());
        answer.headers().map().forEach((name, values) -> {
            if (!OF_THE_CONNECTION.contains(name.toLowerCase(Locale.ROOT))) {
                // The container now and then writes a header a second time.
                seen.add(name.toLowerCase(Locale.ROOT) + ": "
                        + values.stream().distinct().toList());
            }
        });
        seen.sort(Comparator.naturalOrder());
        seen.add(NEW.matcher(without(answer.body(), sent)).replaceAll("(new)"));
        return seen;
    }

    private static void assertNothingLeaked(Answer answer, List<String> sent, String what) {
        String received = without(without(answer.body() + answer.headers().map(), sent), stored);
        assertThat(secrets).as("%s received %s", what, received).noneMatch(received::contains);
        assertThat(received).as(what).doesNotContainPattern(INSIDE);
        List<String> before = victimsRows;
        victimsRows = both.victimsRows();
        assertThat(victimsRows).as("the victim's rows after " + what).isEqualTo(before);
    }

    private static String without(String text, Collection<String> sent) {
        String rest = text;
        for (String value : sent.stream()
                .sorted(Comparator.comparing(String::length).reversed())
                .toList()) {
            rest = rest.replace(value, "(sent)");
        }
        return rest;
    }
}
