package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How long a policy makes a task wait, however large its numbers. */
class DurableRedeliveryPolicyTest {

    private static final long HUNDRED_YEARS = 36_500L * 86_400_000;

    @ParameterizedTest
    @CsvSource({
        "1000, 1e300, -1, 30, 3153600000000",
        "9223372036854775807, 3, -1, 1, 3153600000000",
        "9223372036854775807, 1, 9223372036854775807, 5, 3153600000000",
        "1000, 3, -1, 2147483647, 3153600000000",
        "1000, 1.7976931348623157e308, 60000, 2147483647, 60000",
        "0, 1.7976931348623157e308, -1, 9, 0"
    })
    void a_delay_ends_at_its_maximum_or_at_a_hundred_years_and_is_never_negative(
            long delay, double multiplier, long maximum, int failures, long longest) {
        DurableRedeliveryPolicy policy = new DurableRedeliveryPolicy();
        policy.setRedeliveryDelay(delay);
        policy.setBackOffMultiplier(multiplier);
        policy.setMaximumRedeliveryDelay(maximum);
        policy.setUseCollisionAvoidance(false);
        assertThat(policy.delayAfter(failures)).isEqualTo(longest);

        policy.setUseCollisionAvoidance(true);
        policy.setCollisionAvoidanceFactor(0.5);
        for (int i = 0; i < 100; i++) {
            assertThat(policy.delayAfter(failures))
                    .isBetween(longest / 2, Math.min(HUNDRED_YEARS, longest + longest / 2));
        }
    }

    @Test
    void a_delay_of_a_pattern_ends_at_a_hundred_years_too() {
        DurableRedeliveryPolicy policy = new DurableRedeliveryPolicy();
        policy.setUseCollisionAvoidance(false);
        policy.setDelayPattern("1:999999999999999999");

        assertThat(policy.delayAfter(1)).isEqualTo(HUNDRED_YEARS);
    }
}
