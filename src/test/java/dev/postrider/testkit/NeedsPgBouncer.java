package dev.postrider.testkit;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Skips tests where there is no PgBouncer; but never in CI, where a test that is skipped proves nothing to anybody. */
public final class NeedsPgBouncer implements ExecutionCondition {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (PgBouncer.program().isPresent()) {
            return ConditionEvaluationResult.enabled("pgbouncer is installed");
        }
        String reason = "There is no pgbouncer on this machine: apt-get install pgbouncer";
        if ("true".equals(System.getenv("CI"))) {
            throw new IllegalStateException(reason);
        }
        return ConditionEvaluationResult.disabled(reason);
    }
}
