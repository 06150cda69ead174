using s4 from '../db/schema';

// Relative paths: the V2 adapter does not find absolute ones. Pages of 20, so that paging is exercised.
@path: 'API_BUSINESS_PARTNER' @requires: 'S4_COMM'
@cds.query.limit: { default: 20, max: 20 }
service API_BUSINESS_PARTNER {
  entity A_BusinessPartner as projection on s4.BusinessPartner;
  entity A_BusinessPartnerAddress as projection on s4.BusinessPartnerAddress;
  entity A_BusinessPartnerTaxNumber as projection on s4.BusinessPartnerTax;
  @readonly
  entity A_Supplier as select from s4.BusinessPartner {
    key Supplier, BusinessPartnerFullName as SupplierName, CreationDate
  } where Supplier is not null;
  action block(BusinessPartner : String(10)) returns A_BusinessPartner;
}

@path: 'API_COSTCENTER_SRV' @requires: 'S4_COMM'
@cds.query.limit: { default: 20, max: 20 }
service API_COSTCENTER_SRV {
  entity A_CostCenter as projection on s4.CostCenter;
}

@path: 'API_PRODUCT_SRV' @requires: 'S4_COMM'
@cds.query.limit: { default: 20, max: 20 }
service API_PRODUCT_SRV {
  entity A_Product as projection on s4.Product;
  entity A_ProductDescription as projection on s4.ProductDescription;
}
