package dev.postrider.tenancy;

import dev.postrider.database.TenantDataSource;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.transaction.PlatformTransactionManager;

/** Gives routes the transaction policy {@code workspace}, and refusals their place. */
@Configuration(proxyBeanMethods = false)
public class TenancyConfiguration {

    @Bean
    WorkspaceTransactionPolicy workspace(
            @Qualifier("tenantTransactions") PlatformTransactionManager transactions, TenantDataSource tenant) {
        return new WorkspaceTransactionPolicy(transactions, tenant);
    }

    @Bean
    RefusedStep refusedStep() {
        return new RefusedStep();
    }
}
